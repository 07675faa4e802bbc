"""The images of an import's rows, kept in our storage under the hash of their bytes."""

from collections.abc import Iterable
from hashlib import sha256
from types import TracebackType
from typing import Self

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from labeling.formats.images import SUFFIXES, KeptImage
from labeling.models import Campaign, Image


class ImageKeeper:
    """Keeps images within the import's transaction; files of one that is undone are deleted.

    Imports into one campaign take turns, and files are kept by campaign: nobody else can have come
    to rely on a file that this import wrote. After a crash one may stay; the next import of the
    same image takes it up.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._known: set[bytes] = set()
        self._written: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for name in self._written:
                default_storage.delete(name)

    def keep(self, images: Iterable[KeptImage]) -> None:
        """Store those of the images that the campaign does not have."""
        wanted = {i.source_hash: i for i in images if i.source_hash not in self._known}
        if not wanted:
            return
        self._known |= wanted.keys()
        had = Image.objects.filter(campaign=self._campaign, source_hash__in=list(wanted))
        for known in had.values_list("source_hash", flat=True):
            wanted.pop(bytes(known), None)
        Image.objects.bulk_create(
            Image(
                campaign=self._campaign,
                source_hash=image.source_hash,
                file=self._stored(image),
                media_type=image.media_type,
                byte_count=len(image.content),
                width=image.width,
                height=image.height,
            )
            for image in wanted.values()
        )

    def _stored(self, image: KeptImage) -> str:
        digest = sha256(image.content).hexdigest()
        name = f"images/{self._campaign.public_id}/{digest}.{SUFFIXES[image.media_type]}"
        if default_storage.exists(name):
            if default_storage.size(name) == len(image.content):
                return name
            # Half of it: whoever wrote it died.
            default_storage.delete(name)
        stored = default_storage.save(name, ContentFile(image.content))
        self._written.append(stored)
        return stored
