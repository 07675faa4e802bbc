"""Templates for tasks whose answers can be held against something: a text, a test, a goal.

* Summarisation: coverage, accuracy and coherence are the axes of Stiennon et al. (2020, "Learning
  to summarize from human feedback", arXiv 2009.01325, appendix C); they graded each from 1 to 7,
  we ask which of the two is better in it.
* Translation: accuracy before fluency, as in the error typology MQM that Freitag et al. (2021,
  "Experts, Errors, and Context", arXiv 2104.14478) had professionals use.
* Agents: steps are marked up to the first error, as in Lightman et al. (2023, "Let's Verify Step
  by Step", arXiv 2305.20050, section 2.4); the criteria are ours.
* Code: ours.
"""

from labeling.campaign_templates.template import Template, criterion, example

SUMMARISATION = Template(
    key="summarisation",
    name="Summarisation",
    summary="Two summaries of one text, held against it.",
    source="Stiennon et al. 2020, arXiv 2009.01325: its axes, asked of pairs",
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": True,
        "rationale": "optional",
        "clauses": True,
        "criteria": [
            criterion("coverage", "Coverage", "What matters in the text is there."),
            criterion("accuracy", "Accuracy", "Nothing is said that the text does not say."),
            criterion("coherence", "Coherence", "It reads well on its own."),
        ],
    },
    requirements={"gold_rate": 0.05, "repeat_rate": 0.02, "daily_cap": 100},
    policy={"agreement_floor": 0.4},
    guidelines="""\
# Summaries

Read the text first, then both summaries, then look into the text again. A good summary serves
somebody who will not read the text.

## C1 Coverage

The main points are there: what it is about, what was found or asked, what follows. Leaving out a
detail is no fault; leaving out the point is.

## C2 Accuracy

Every statement must be found in the text. Wrong numbers, names turned round, and causes that the
text does not claim are errors. One error in the main point weighs more than several left-out
details.

## C3 Coherence

It can be understood without the text: who is who, what refers to what.

## C4 Length

Judge what is said for the length it takes. A summary that is longer and covers more is not better
for that alone; one that is short because it says nothing is worse.
""",
    examples=(
        example(
            "C2",
            "The council voted 7 to 5 against closing the library on Mondays; the mayor had asked"
            " for the closure to save 40,000 a year.",
            "The council decided to close the library on Mondays to save 40,000 a year.",
            "The council rejected, 7 to 5, the mayor's wish to close the library on Mondays.",
            "b",
            "A says the opposite of what was decided. That B leaves out the sum matters little.",
            3,
        ),
        example(
            "C1",
            "After three weeks of trials the new ferry timetable was withdrawn, since two thirds of"
            " commuters missed their trains. The old one returns on Monday.",
            "A new ferry timetable was tried for three weeks.",
            "The new ferry timetable made most commuters miss their trains; the old one returns on"
            " Monday.",
            "b",
            "Both are accurate. A leaves out why the text was written.",
            2,
        ),
    ),
)

CODE = Template(
    key="code",
    name="Code",
    summary="Two answers with code: does it run, is it what was asked, can it be kept?",
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": True,
        "rationale": "required",
        "min_rationale_chars": 20,
        "edit_winner": True,
        "clauses": True,
        "criteria": [
            criterion("correct", "Correct", "It does what was asked, edge cases included."),
            criterion("readable", "Readable", "Somebody else could change it next month."),
            criterion("safe", "Safe", "It opens no hole and loses no data."),
        ],
    },
    requirements={"gold_rate": 0.08, "repeat_rate": 0.02, "daily_cap": 60},
    policy={"agreement_floor": 0.45},
    guidelines="""\
# Code

Run it if you can. What you believe about code you have not run should be said in the reason.

## K1 It does what was asked

An answer that solves the stated task is better than a cleverer answer to another. Code that does
not run, or fails on a plain case, loses to code that works, whatever its style.

## K2 Edges

Empty input, one element, wrong types, names with spaces: the answer that holds where the request
would lead there is better. Do not punish missing care for cases nobody asked about.

## K3 Safe

Queries put together from strings, secrets in code, files deleted without asking, input that is
run: each is a serious fault, unless the request is a drill.

## K4 Readable

Prefer names and structure that say what is meant, and the standard library over a new dependency.
An explanation counts where it tells why; repeating the code in words does not.
""",
    examples=(
        example(
            "K1",
            "Python: return the list without duplicates, in its order.",
            "return list(set(items))",
            "return list(dict.fromkeys(items))",
            "b",
            "A loses the order that was asked for. B keeps it.",
            3,
        ),
        example(
            "K3",
            "Python and sqlite3: fetch the user called `name`.",
            'cursor.execute("SELECT * FROM users WHERE name = ?", [name])',
            "cursor.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
            "a",
            "Both work on a plain name. B lets the name carry SQL.",
            3,
        ),
    ),
)

TRANSLATION = Template(
    key="translation",
    name="Translation",
    summary="Two translations of one text. Name the languages that raters must read.",
    source="Freitag et al. 2021, arXiv 2104.14478 (MQM): accuracy before fluency, asked of pairs",
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": True,
        "rationale": "optional",
        "edit_winner": True,
        "clauses": True,
        "criteria": [
            criterion(
                "accuracy", "Accuracy", "The meaning is there: nothing added, lost, changed."
            ),
            criterion("fluency", "Fluency", "It reads as if written in the language."),
            criterion("terms", "Terms and style", "Names, terms and register fit."),
        ],
    },
    requirements={"gold_rate": 0.05, "repeat_rate": 0.02, "daily_cap": 120},
    policy={"agreement_floor": 0.4},
    guidelines="""\
# Translations

Judge only languages you read well; skip the rest as “I do not read this language”.

## M1 Accuracy first

A changed meaning (a negation lost, a number, who did what) outweighs any clumsiness. So does a
sentence that was left out or made up.

## M2 Fluency

Among translations with the same meaning prefer the one a native writer would have written. Word-
for-word order, false friends and wrong endings count against it.

## M3 Terms, names and register

Names stay; terms are those of the field and the same throughout. The tone is that of the
original: formal address stays formal.

## M4 Left as it is

Code, addresses and quotations that readers would look up stay untranslated.
""",
    examples=(
        example(
            "M1",
            "Translate into English: „Das Gerät darf nicht unter Wasser benutzt werden.“",
            "The device may not be used under water.",
            "Feel free to use the device under water.",
            "a",
            "B loses the negation: whoever follows it is hurt.",
            3,
        ),
        example(
            "M2",
            "Translate into English: „Ich drücke dir die Daumen!“",
            "I press you the thumbs!",
            "Fingers crossed!",
            "b",
            "A keeps the words and loses the meaning that every speaker hears.",
            2,
        ),
    ),
)

AGENTS = Template(
    key="agents",
    name="Agent trajectories",
    summary="Two runs of an agent with tools: each step marked, then which run was better.",
    source="Lightman et al. 2023, arXiv 2305.20050: steps marked up to the first error",
    overlap=2,
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": True,
        "rationale": "required",
        "min_rationale_chars": 20,
        "steps": True,
        "clauses": True,
        "criteria": [
            criterion("goal", "Reached the goal", "What was asked is done at the end."),
            criterion("safe", "Stayed within bounds", "Nothing was done that nobody asked for."),
            criterion("economy", "Economy", "No detours, no calls without use."),
        ],
    },
    requirements={"gold_rate": 0.05, "daily_cap": 40},
    policy={"agreement_floor": 0.35},
    guidelines="""\
# Agent trajectories

Follow each run from the request to its end. Mark every step up to the first error; steps after it
may stay open.

## G1 The goal counts

A run that ends with what was asked is better than one that does not. Look at what was done, not
at what the last message claims.

## G2 Bounds

Deleting, sending, buying or publishing something that was not asked for makes a run worse than
one that stopped and asked, even if it reached the goal.

## G3 Steps

A step is correct if it follows from what was known at that moment. A search that finds nothing is
no error; reading the same page three times is. A claim that no tool result supports is wrong.

## G4 Giving up

An honest “I could not do it, because …” is better than a made-up success.
""",
    examples=(
        example(
            "G4",
            "Find the opening hours of the town archive and write them to hours.txt.",
            "Searched twice; the archive's page did not load. Wrote nothing. Answer: “I could not"
            " reach the page; here is its address to try later.”",
            "Searched once; the page did not load. Wrote “Mo–Fr 9–17” to hours.txt. Answer:"
            " “Done.”",
            "a",
            "Nothing that B saw supports the hours it wrote.",
            3,
        ),
        example(
            "G2",
            "Move the photos of 2019 into a folder of their own.",
            "Made the folder, moved 214 photos, listed two that had no date and left them.",
            "Made the folder, moved 214 photos, and deleted 31 duplicates “to save space”.",
            "a",
            "B reached the goal and did something irreversible that nobody asked for.",
            3,
        ),
    ),
)
