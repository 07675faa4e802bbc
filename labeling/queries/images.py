"""The images that messages name, as they are kept."""

from collections.abc import Iterable, Iterator
from typing import Any

from labeling.models import Campaign, Image
from labeling.rendering.pictures import REFERENCE, image_address


def kept_images(campaign: Campaign, hashes: Iterable[str]) -> dict[str, Image]:
    """The campaign's images by the hash in their reference, in one query; none for no hashes."""
    wanted = [bytes.fromhex(one) for one in dict.fromkeys(hashes)]
    if not wanted:
        return {}
    found = Image.objects.filter(campaign=campaign, source_hash__in=wanted)
    return {bytes(image.source_hash).hex(): image for image in found}


def reference_to(image: Image) -> str:
    """What stands for the image in messages."""
    return f"image:sha256-{bytes(image.source_hash).hex()}"


def named_images(messages: Iterable[Any]) -> Iterator[str]:
    """The hashes of the images that the messages name."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and (found := REFERENCE.fullmatch(image_address(part))):
                yield found.group(1)
