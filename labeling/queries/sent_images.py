"""The images that a prompt names, as a model is sent them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labeling.clients.protocol import SentImage
from labeling.models import Image
from labeling.queries.images import named_images, reference_to

logger = logging.getLogger(__name__)


def sent_images(campaign_id: int, messages: Sequence[Mapping[str, Any]]) -> dict[str, SentImage]:
    """By the reference that stands for each in the messages; none costs no query.

    No file is read before the call is made. One that is missing or cannot be read by then is told
    to the log, and refuses the messages that name it, and no others.
    """
    wanted = [bytes.fromhex(one) for one in dict.fromkeys(named_images(messages))]
    if not wanted:
        return {}
    return {
        reference_to(image): SentImage(image.media_type, _reader(image), image.byte_count)
        for image in Image.objects.filter(campaign_id=campaign_id, source_hash__in=wanted)
    }


def _reader(image: Image) -> Callable[[], bytes]:
    # A handle of its own for each: a judge's calls of one comparison read at once.
    storage, name, told = image.file.storage, image.file.name or "", image.public_id

    def read() -> bytes:
        try:
            with storage.open(name, "rb") as file:
                return bytes(file.read())
        except OSError as error:
            logger.warning("image %s cannot be read: %s", told, error)
            raise

    return read
