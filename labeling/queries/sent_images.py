"""The images that a prompt names, as a model is sent them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from labeling.clients.protocol import SentImage
from labeling.models import Image
from labeling.queries.images import named_images, reference_to

logger = logging.getLogger(__name__)


def sent_images(campaign_id: int, messages: Sequence[Mapping[str, Any]]) -> dict[str, SentImage]:
    """By the reference that stands for each in the messages; none costs no query.

    An image whose file is missing or cannot be read is left out, and the log says so: whoever sends
    the messages refuses those that name it, and no others.
    """
    wanted = [bytes.fromhex(one) for one in dict.fromkeys(named_images(messages))]
    if not wanted:
        return {}
    found = {}
    for image in Image.objects.filter(campaign_id=campaign_id, source_hash__in=wanted):
        try:
            with image.file.open("rb") as file:
                found[reference_to(image)] = SentImage(image.media_type, file.read())
        except OSError as error:
            logger.warning("image %s cannot be read: %s", image.public_id, error)
    return found
