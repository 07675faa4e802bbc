"""WV-08: images are served as pixels, to those who are shown them, from our own storage alone."""

import re
from base64 import b64encode
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.signing import TimestampSigner, b62_encode
from django.test import Client
from django.utils import timezone
from PIL import Image as Picture

from labeling import access
from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Completion, Image, Membership, Seat
from tests import factories
from tests.imports.files import import_rows, problems
from tests.web.building import open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def data_url(colour: int = 0, size: tuple[int, int] = (120, 80)) -> str:
    into = BytesIO()
    Picture.new("RGB", size, (colour, 60, 90)).save(into, "PNG")
    return f"data:image/png;base64,{b64encode(into.getvalue()).decode()}"


def shown_image(url: str, alt: str = "A chart") -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}, "alt": alt}


def row(*parts: object) -> dict[str, object]:
    question = {"type": "text", "text": "What does it show?"}
    return {
        "prompt": [{"role": "user", "content": [question, *parts]}],
        "completion_a": {"text": "A", "model": "north"},
        "completion_b": {"text": "B", "model": "south"},
    }


def campaign_with(*parts: object) -> tuple[Campaign, Seat]:
    campaign = open_campaign(0)
    job = import_rows(campaign, row(*parts), kind="comparisons")
    assert job.status == "succeeded", job.error
    open_waiting(campaign=campaign, by=None)
    return campaign, factories.rater(campaign)


def bench(seat: Seat, campaign: Campaign) -> str:
    return signed_in(seat).get(f"/rate/{campaign.slug}/").content.decode()


def test_a_data_image_is_kept_sized_in_the_page_and_served_without_a_cookie() -> None:
    campaign, seat = campaign_with(shown_image(data_url(), 'A "chart"'))
    html = bench(seat, campaign)
    found = re.search(
        r'<img src="(/images/[^"]+)" alt="A &quot;chart&quot;" width="120" height="80"', html
    )
    assert found, html
    assert "data:image/png" not in html
    response = Client().get(found.group(1))
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"].startswith('attachment; filename="')
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "private" in response["Cache-Control"]
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    with Picture.open(BytesIO(response.content)) as served:
        assert served.size == (120, 80)
    assert Client().head(found.group(1)).status_code == 200
    assert Client().post(found.group(1)).status_code in {403, 405}


def test_the_address_is_one_persons_for_a_day_and_while_they_have_a_part() -> None:
    campaign, seat = campaign_with(shown_image(data_url()))
    assert seat.rater.user is not None
    image = Image.objects.get()
    good = access.image_pass(image, seat.rater.user)
    outsider = factories.user("outsider")
    old = timezone.now() - timedelta(days=2)
    signer = TimestampSigner(salt="image")

    class Then(TimestampSigner):
        def timestamp(self) -> str:
            return b62_encode(int(old.timestamp()))

    names = f"{image.public_id.hex}.{seat.rater.user.public_id.hex}"
    refused = [
        access.image_pass(image, outsider),
        Then(salt="image").sign(names),
        TimestampSigner(salt="other").sign(names),
        signer.sign(image.public_id.hex),
        signer.sign(f"{'0' * 32}.{seat.rater.user.public_id.hex}"),
        signer.sign("nothing.at-all"),
        good[:-1],
        str(image.public_id),
        "x",
    ]
    answers = [Client().get(f"/images/{given}") for given in refused]
    assert {answer.status_code for answer in answers} == {404}
    assert Client().get(f"/images/{good}").status_code == 200
    manager = factories.member(campaign, "manager")
    assert Client().get(f"/images/{access.image_pass(image, manager)}").status_code == 200
    Membership.objects.filter(user=seat.rater.user).delete()
    assert Client().get(f"/images/{good}").status_code == 404


def test_a_closed_account_sees_no_image() -> None:
    _, seat = campaign_with(shown_image(data_url()))
    assert seat.rater.user is not None
    good = access.image_pass(Image.objects.get(), seat.rater.user)
    seat.rater.user.is_active = False
    seat.rater.user.save()
    assert Client().get(f"/images/{good}").status_code == 404


def test_a_remote_image_is_named_with_its_host_and_asked_of_nobody() -> None:
    campaign, seat = campaign_with(shown_image("https://elsewhere.example/x.png?who=rater"))
    html = bench(seat, campaign)
    assert "[image at elsewhere.example, not loaded: A chart]" in html
    assert "x.png" not in html
    assert "<img" not in html
    assert not Image.objects.exists()


def test_a_reference_to_an_image_we_do_not_have_is_named() -> None:
    campaign, seat = campaign_with(shown_image(f"image:sha256-{'a' * 64}"))
    assert "[image: A chart, not kept here]" in bench(seat, campaign)


def test_one_image_in_many_rows_is_kept_once_and_a_second_import_finds_it() -> None:
    campaign = open_campaign(0)
    rows = [row(shown_image(data_url())) | {"completion_a": f"A{n}"} for n in range(5)]
    import_rows(campaign, *rows, kind="comparisons")
    assert Image.objects.count() == 1
    again = import_rows(campaign, *rows, kind="comparisons")
    assert again.result is not None
    assert again.result["duplicates"] == 5
    assert Image.objects.count() == 1
    assert Completion.objects.count() == 6


def test_an_import_that_is_undone_leaves_no_file() -> None:
    campaign = open_campaign(0)
    folder = f"images/{campaign.public_id}"
    import_rows(campaign, row(shown_image(data_url())), kind="comparisons", dry_run=True)
    bad = row(shown_image("data:image/png;base64,AAAA"))
    job = import_rows(campaign, row(shown_image(data_url())), bad, kind="comparisons")
    assert job.status == "failed"
    assert problems(job) == [(2, "prompt[0].content[1].image_url")]
    assert not Image.objects.exists()
    assert not default_storage.exists(folder) or default_storage.listdir(folder)[1] == []
    job = import_rows(campaign, row(shown_image(data_url())), bad, kind="comparisons", lenient=True)
    assert job.status == "succeeded"
    assert len(default_storage.listdir(folder)[1]) == 1


def test_the_api_tells_where_the_images_of_an_assignment_lie() -> None:
    campaign, seat = campaign_with(shown_image(data_url()))
    assert seat.rater.user is not None
    token = factories.token(seat.rater.user, "rate")
    client = Client(headers={"authorization": f"Bearer {token}"})
    told = client.post(f"/api/v1/campaigns/{campaign.slug}/assignments/").json()
    part = told["prompt"]["messages"][0]["content"][1]
    image = told["images"][part["image_url"]["url"]]
    assert (image["width"], image["height"]) == (120, 80)
    path = "/images/" + image["url"].partition("/images/")[2]
    assert Client().get(path)["Content-Type"] == "image/png"


def test_whoever_may_read_the_campaign_gets_the_images_of_its_messages() -> None:
    campaign, seat = campaign_with(shown_image(data_url()), shown_image(data_url(99)))
    path = f"/api/v1/campaigns/{campaign.slug}/images/"
    token = factories.token(factories.member(campaign, "researcher"), "read")
    reader = Client(headers={"authorization": f"Bearer {token}"})
    listed = reader.get(path).json()["results"]
    parts = campaign.prompts.get().messages[0]["content"][1:]
    assert {one["reference"] for one in listed} == {part["image_url"]["url"] for part in parts}
    for one in listed:
        assert (one["width"], one["height"], one["media_type"]) == (120, 80, "image/png")
        answer = Client().get("/images/" + one["url"].partition("/images/")[2])
        assert len(answer.content) == one["byte_count"]
    assert seat.rater.user is not None
    token = factories.token(seat.rater.user, "admin")
    assert Client(headers={"authorization": f"Bearer {token}"}).get(path).status_code == 404


def test_an_image_has_its_place_where_steps_are_marked_too() -> None:
    campaign = open_campaign(0, schema={"scale": 7, "tie": True, "steps": True})
    parts = [{"type": "text", "text": "One.\n\nTwo."}, shown_image(data_url())]
    changed = {"completion_a": {"messages": [{"role": "assistant", "content": parts}]}}
    job = import_rows(campaign, row() | changed, kind="comparisons")
    assert job.status == "succeeded", job.error
    open_waiting(campaign=campaign, by=None)
    html = bench(factories.rater(campaign), campaign)
    assert 'width="120" height="80"' in html
    assert "data-image" not in html
