"""Settings of an endpoint: what would be sent otherwise than it was set is refused."""

import pytest

from labeling.clients.endpoint_settings import read_sampling
from labeling.errors import InvalidInputError


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_would_be_sent_as_null_is_refused(number: float) -> None:
    for sampling in ({"temperature": number}, {"logit_bias": {"7": [number]}}):
        with pytest.raises(InvalidInputError, match="sampling"):
            read_sampling(sampling)


def test_what_json_can_say_is_kept_as_it_is() -> None:
    sampling = {"temperature": 0.1, "seed": 2**63, "stop": ["\u202eä"], "extra": {"a": None}}
    assert read_sampling(sampling) == sampling
