"""Does an answer say which model wrote it? A rater who reads that is no longer blind.

Two findings. It *identifies itself*: the model is named by the text that speaks ("I am Claude",
"As ChatGPT, …", "I was trained by OpenAI"), in seven languages. It *names a vendor*: a word that
hardly means anything else stands anywhere in it, which an answer about models does too.

The names follow the list by which FastChat leaves out arena votes whose answers gave a model away
(`fastchat/serve/monitor/basic_stats.py`, 2024), without its common words ("Bard", "Google"), and
with the makers of since; the openings are our own. It is a filter for attention, not a judge: a
model can leave a hint in any words, and a character called Claude may say who he is.
"""

import re
from collections.abc import Iterator

# Names that hardly mean anything else. Common words (Gemini, Llama, Bard, Mistral, Grok, Google,
# Copilot, Kimi) identify only where the text says that it is one, not wherever they stand.
_MODELS = (
    r"chat\s?gpt", r"gpt[-‑ ]?[345](?:o|\.\d)?", r"mixtral", r"deepseek", r"qwen", r"chatglm",
    r"vicuna", r"openassistant", r"dbrx", r"gemma-?\d", r"llama[-‑ ]?\d", r"command[-‑ ]r\+?",
    r"通义千问", r"文心一言", r"讯飞星火", r"智谱清言",
)  # fmt: skip
_VENDORS = (
    r"open\s?ai", r"anthropic", r"deepmind", r"mistral ai", r"cohere ai", r"hugging ?face",
    r"lmsys", r"zhipu(?: ai)?", r"智谱", r"moonshot ai", r"月之暗面", r"深度求索", r"xai corp",
)  # fmt: skip
# After an opening, these are names too.
_COMMON = (
    r"claude(?! (?-i:(?!Opus|Sonnet|Haiku|Instant)[A-Z][a-zà-ÿ]+))", r"gemini", r"bard", r"llama",
    r"mistral(?: ai)?", r"grok", r"copilot", r"bing chat", r"kimi", r"palm ?2?", r"ernie(?: bot)?",
    r"meta(?: ai)?", r"google(?: ai)?", r"alibaba(?: cloud)?", r"阿里云", r"阿里巴巴",
    r"百度", r"谷歌", r"baidu", r"microsoft", r"xai", r"cohere", r"克劳德", r"क्लॉड", r"जेमिनी",
    r"चैटजीपीटी", r"ओपनएआई", r"गूगल", r"كلود", r"جيميني", r"تشات جي بي تي", r"أوبن إيه آي",
    r"جوجل", r"غوغل",
)  # fmt: skip
_SURE = "|".join((*_MODELS, *_VENDORS))
_ANY = f"{_SURE}|{'|'.join(_COMMON)}"
_NOT_IN_WORD = r"(?<![^\W_])"
_ENDS_WORD = r"(?![^\W_])"

# How a text begins to say what it is, and the words that may stand before the name.
_LANGUAGES: tuple[tuple[str, str], ...] = (
    (  # English
        r"i am|i['’]m|my name is|my name['’]s|you(?:['’]re| are) (?:talking|speaking|chatting)"
        r" (?:to|with)|i (?:was|am|have been) (?:created|made|trained|developed|built|designed)",
        r"called|named|known|as|an?|the|your|ai|artificial|intelligence|assistant|language|large"
        r"|model|chatbot|bot|virtual|helpful|digital|conversational|llm|trained|developed|created"
        r"|made|built|designed|by|from|of|and|that|was|just|actually|version|researchers|team",
    ),
    (  # Spanish
        r"(?:yo )?soy|me llamo|mi nombre es|est[áa]s hablando con"
        r"|(?:yo )?(?:fui|he sido) (?:cread|entrenad|desarrollad|diseñad)[oa]",
        r"una?|el|la|tu|modelo|de|del|lenguaje|gran|grande|ia|inteligencia|artificial|asistente"
        r"|virtual|llamad[oa]|cread[oa]|desarrollad[oa]|entrenad[oa]|diseñad[oa]|por|y",
    ),
    (  # French
        r"je suis|je m['’]appelle|mon nom est|vous parlez à"
        r"|j['’]ai été (?:créé|entraîné|développé|conçu)e?",
        r"une?|le|la|l|votre|modèle|de|du|d|langage|langue|grand|ia|intelligence|artificielle"
        r"|assistant|virtuel|nommée?|appelée?|créée?|développée?|entraînée?|conçue?|par|et",
    ),
    (  # German
        r"ich bin|ich hei(?:ß|ss)e|mein name ist|sie sprechen mit|ich wurde",
        r"ein|eine|das|der|die|ihr|dein|von|ki|sprachmodell|großes|assistent|virtueller|chatbot"
        r"|namens|das|wurde|entwickelt|entwickeltes|trainiert|trainiertes|erstellt|und",
    ),
    (  # Hindi
        r"मैं|मेरा नाम",
        r"एक|है|हूँ|हूं|का|की|के|द्वारा|भाषा|बड़ा|मॉडल|एआई|सहायक|कृत्रिम|बुद्धिमत्ता|विकसित|प्रशिक्षित|बनाया|गया|नामक",
    ),
    (  # Arabic
        r"أنا|انا|اسمي|اسمي هو|تم (?:تطويري|تدريبي|إنشائي)",
        r"هو|نموذج|لغوي|لغة|كبير|مساعد|ذكاء|الذكاء|اصطناعي|الاصطناعي|افتراضي|طورته|طورتني|تم|تطويره"
        r"|تطويري|تدريبه|من|قبل|بواسطة|شركة|يسمى|يدعى",
    ),
    (  # Chinese, written without spaces
        r"我是|我叫|我的名字是|我由|作为",
        r"一个|一款|由|的|基于|大型|大|语言|模型|人工智能|ai|助手|智能|公司|开发|训练|创建|研发|名为|叫做|叫",
    ),
)
_GAP = r"[\s,:;*_\"'’“”„«»()\-–]*"
# As ChatGPT, …: only sure names, since anybody may say "as Google does".
_AS = (
    rf"(?:^|[.!?…\n:]\s*|[\"“*]){_GAP}(?:as|como|en tant que|comme|als)\s{_GAP}(?:an? |the )?"
    rf"(?:{_SURE}|claude(?=,)){_ENDS_WORD}"
)


def _sayings() -> Iterator[str]:
    for opening, fillers in _LANGUAGES:
        yield (
            rf"{_NOT_IN_WORD}(?:{opening})(?:{_GAP}(?:{fillers})){{0,14}}{_GAP}(?:{_ANY}){_ENDS_WORD}"
        )


# Chinese words touch one another, so only Latin letters end a word there.
_SELF = tuple(
    re.compile(
        saying.replace(_NOT_IN_WORD, "").replace(_ENDS_WORD, "(?![a-z])")
        if "我是" in saying
        else saying,
        re.IGNORECASE | re.MULTILINE,
    )
    for saying in (*_sayings(), _AS)
)
_VENDOR = re.compile(rf"(?<![a-z0-9])(?:{_SURE})(?![a-z0-9])", re.IGNORECASE)
# Chinese names touch their neighbours.
_NAME = re.compile(rf"(?<![a-z])(?:{_ANY})(?![a-z])", re.IGNORECASE)
_STOP = re.compile(r"[.!?\n。！？।؟]")
BLOT = "▮▮▮"
# Looked for first, in a fraction of the time: without one of these words there is no name.
_WORDS = frozenset(
    b"gpt chatgpt openai ai claude anthropic gemini bard llama mistral mixtral grok copilot bing"
    b" kimi palm ernie meta google alibaba baidu microsoft xai cohere deepseek deepmind qwen"
    b" chatglm vicuna openassistant dbrx gemma command hugging huggingface lmsys zhipu"
    b" moonshot".split()
)
_LETTERS = bytes(n if chr(n).isalpha() and n < 128 else 32 for n in range(256))
_SIGNS = (
    "通义", "文心", "讯飞", "智谱", "月之暗面", "深度求索", "阿里", "百度", "谷歌", "克劳德",
    "क्लॉड", "जेमिनी", "चैटजीपीटी", "ओपनएआई", "गूगल", "كلود", "جيميني", "تشات", "أوبن", "جوجل", "غوغل",
)  # fmt: skip


def identifies_itself(text: str) -> bool:
    """Whether the text says which model or whose it is."""
    return may_name(text) and any(saying.search(text) for saying in _SELF)


def names_vendor(text: str) -> bool:
    """Whether the text holds the name of a model or its maker that hardly means anything else."""
    return may_name(text) and _VENDOR.search(text) is not None


def masked(text: str) -> str:
    """The text with the names of the model that wrote it, and of its makers, blotted out.

    Of a text that says which model it is: the names in those sentences wherever they stand, and
    every name that hardly means anything else. Other texts stay as they are.
    """
    if not may_name(text):
        return text
    said = [match for saying in _SELF for match in saying.finditer(text)]
    if not said:
        return text
    names = {
        name.group()
        for match in said
        for name in _NAME.finditer(text, match.start(), _sentence_end(text, match.end()))
    }
    own = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    everywhere = re.compile(
        rf"(?<![a-z])(?:{own})(?![a-z])|{_VENDOR.pattern}" if own else _VENDOR.pattern,
        re.IGNORECASE,
    )
    return everywhere.sub(BLOT, text)


def _sentence_end(text: str, after: int) -> int:
    found = _STOP.search(text, after)
    return found.start() if found else len(text)


def may_name(text: str) -> bool:
    """A quick look: False for a text in which the other two would find nothing."""
    low = text.lower()
    if not _WORDS.isdisjoint(low.encode("ascii", "replace").translate(_LETTERS).split()):
        return True
    return not low.isascii() and any(sign in low for sign in _SIGNS)
