"""BL-08: what says which model it is, is marked; what speaks about models is not."""

import time
from typing import Any

import pytest

from labeling.formats.identity import BLOT, identifies_itself, masked, may_name, names_vendor
from labeling.formats.marks import marks_of, masked_messages, unnamed_messages
from labeling.formats.rows import assistant_message, completion_row

SAYS = {
    "English": [
        "As ChatGPT, I cannot do that.",
        "I am Claude, made by Anthropic.",
        "Hello! I'm **Claude**.",
        "Sure. I am an AI assistant called Claude.",
        "I'm a large language model trained by Google.",
        "My name is Gemini.",
        "Yes. As an OpenAI language model, I may not.",
        "I was created by OpenAI",
        "I am GPT-4o.",
    ],
    "Spanish": [
        "Soy ChatGPT, un modelo de lenguaje.",
        "Soy un modelo de lenguaje desarrollado por Google.",
        "Como ChatGPT, no puedo.",
        "Fui creado por Anthropic.",
    ],
    "French": [
        "Je suis Claude.",
        "Je suis un assistant IA créé par Anthropic.",
        "En tant que ChatGPT, je",
        "J’ai été développé par Mistral AI.",
    ],
    "German": [
        "Ich bin ein von OpenAI entwickeltes Sprachmodell.",
        "Ich bin Claude.",
        "Als ChatGPT kann ich das nicht.",
    ],
    "Hindi": ["मैं ChatGPT हूँ।", "मैं गूगल द्वारा प्रशिक्षित एक भाषा मॉडल हूँ।"],
    "Arabic": ["أنا كلود.", "أنا نموذج لغوي كبير تم تدريبه من قبل جوجل."],
    "Chinese": [
        "我是ChatGPT。",
        "我是由OpenAI开发的大型语言模型。",
        "作为ChatGPT,我",
        "我是通义千问。",
    ],
}
SAYS_NOT = [
    "Compare OpenAI with Anthropic.",
    "I am comparing ChatGPT and Claude.",
    "As Claude Shannon said, information is surprise.",
    "I am Claude Monet, and I paint.",
    "As Google does, we index pages.",
    "As an AI language model, I cannot.",
    "Je suis allé à Paris.",
    "The bard sang of llamas under a palm.",
    "He said: I am a teacher.",
    "Metadata and meta-analysis.",
]


@pytest.mark.parametrize("text", [text for texts in SAYS.values() for text in texts])
def test_a_text_that_says_which_model_it_is_is_found(text: str) -> None:
    assert identifies_itself(text)
    assert identifies_itself(f"Some words before.\n\n{text} And after.")


@pytest.mark.parametrize("text", SAYS_NOT)
def test_a_text_about_models_or_other_things_does_not_identify_itself(text: str) -> None:
    assert not identifies_itself(text)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("Use GPT-4 by OpenAI.", True),
        ("Anthropic and DeepMind", True),
        ("通义千问很好", True),
        ("The bard met a llama at Google.", False),
        ("chatgptish", False),
    ],
)
def test_names_that_mean_nothing_else_are_found_anywhere(text: str, is_named: bool) -> None:
    assert names_vendor(text) is is_named


@pytest.mark.parametrize("text", [*SAYS_NOT, *(t for texts in SAYS.values() for t in texts)])
def test_the_quick_look_never_misses(text: str) -> None:
    assert may_name(text) or not (identifies_itself(text) or names_vendor(text))


def test_marks_come_with_the_row_and_the_text_stays() -> None:
    text = "I am Claude.\u200b"
    row = completion_row(messages=assistant_message(text), model="m")
    assert row.marks == ("identifies_itself", "hidden_characters")
    assert row.messages == completion_row(messages=assistant_message(text), model=None).messages
    assert text.encode() in (row.messages or b"")
    assert marks_of("An ordinary answer – with “quotes”.") == ()
    assert marks_of("OpenAI makes models.") == ("names_vendor",)


def test_masking_blots_the_names_of_the_one_who_speaks_and_nothing_else() -> None:
    text = "I am Claude, made by Anthropic. Ask Claude anything. A palm tree."
    assert masked(text) == f"I am {BLOT}, made by {BLOT}. Ask {BLOT} anything. A palm tree."
    about = "Compare OpenAI with Anthropic."
    assert masked(about) == about
    for texts in SAYS.values():
        for text in texts:
            assert not identifies_itself(masked(text)), text
            assert BLOT in masked(text)


def test_masking_reaches_every_text_part_and_leaves_the_message_itself_alone() -> None:
    part = {"type": "text", "text": "I am Claude."}
    messages = [{"role": "assistant", "content": [part, {"type": "tool_call", "name": "f"}]}]
    (made,) = masked_messages(messages)
    assert made["content"][0]["text"] == f"I am {BLOT}."
    assert made["content"][1] == {"type": "tool_call", "name": "f"}
    assert part["text"] == "I am Claude."


def test_masking_reaches_what_tools_say_sources_and_the_words_of_images() -> None:
    said, blotted = "I am Claude.", f"I am {BLOT}."
    image = "image:sha256-" + "0" * 64

    def messages(text: str) -> list[dict[str, Any]]:
        source = {"title": text, "text": text, "url": f"https://example.org/?q={text}"}
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": text}}
        parts: list[dict[str, Any]] = [
            {"type": "tool_call", "name": "f", "input": {"queries": [text, 3, None]}},
            {"type": "tool_result", "content": text, "output": [text]},
            {"type": "sources", "sources": [source]},
            {"type": "image_url", "image_url": {"url": image}, "alt": text},
            {"type": said, "text": text},
        ]
        return [
            {"role": "assistant", "content": parts, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": text},
            {"role": "assistant", "content": None},
        ]

    assert masked_messages(messages(said)) == messages(blotted)


def test_the_name_of_who_speaks_is_taken_out_and_that_of_a_tool_stays() -> None:
    tool = {"role": "tool", "name": "search", "content": "Found."}
    spoken = {"role": "assistant", "name": "claude-3", "content": "Hello."}
    assert unnamed_messages([spoken, tool]) == [{"role": "assistant", "content": "Hello."}, tool]
    assert spoken["name"] == "claude-3"


@pytest.mark.parametrize(
    "unit",
    [
        "I am an AI ",
        "gpt i am a a a a a ",
        "i am an ai model, ",
        "我是一个一个gpt ",
        "gpt \n\n    ",
        "as ",
    ],
)
def test_looking_is_linear_in_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size] + " gpt"
        start = time.thread_time()
        marks_of(text)
        return time.thread_time() - start

    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(200_000) for _ in range(3)) < 30 * small + 0.05
