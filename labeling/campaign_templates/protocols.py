"""Templates modelled on published protocols, as near as pairs and our scales come to them.

* InstructGPT-like: Ouyang et al. (2022, "Training language models to follow instructions with
  human feedback", arXiv 2203.02155, section 3.4 and appendix B). Labelers there ranked four to
  nine answers to a prompt and graded each from 1 to 7; here a ranking is its pairs, and both
  sides are graded. Helpfulness came first in collecting, truth and harmlessness first in
  evaluating.
* Llama-2-like: Touvron et al. (2023, "Llama 2", arXiv 2307.09288, section 3.2.1). Two answers, a
  forced choice with one of four degrees ("significantly better", "better", "slightly better",
  "negligibly better / unsure"), one annotator each. Our tie is its last degree.
* HelpSteer-like: Wang et al. (2024, "HelpSteer2", arXiv 2406.08673, section 2, and "HelpSteer2-
  Preference", arXiv 2410.01257, section 2). At least three annotators, attributes graded 0 to 4,
  a preference from -3 to 3 with a written reason. We ask which side is better in each attribute
  and grade each side once, from 1 to 7.
* Arena-like: Chiang et al. (2024, "Chatbot Arena", arXiv 2403.04132, section 3). A better, B
  better, tie, both bad; one vote a battle, no reasons, models not named.
"""

from labeling.campaign_templates.template import Template, criterion, example

INSTRUCTGPT = Template(
    key="instructgpt",
    name="InstructGPT-like",
    summary="Helpful, truthful, harmless; both sides graded from 1 to 7.",
    source="Ouyang et al. 2022, arXiv 2203.02155; its rankings of 4 to 9 answers become pairs",
    overlap=1,
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": False,
        "rationale": "optional",
        "absolute_quality": True,
        "clauses": True,
        "criteria": [
            criterion("helpful", "Helpful", "Follows the intention of the instruction."),
            criterion("truthful", "Truthful", "Makes up nothing, misleads about nothing."),
            criterion("harmless", "Harmless", "Hurts nobody, demeans nobody."),
        ],
    },
    requirements={"gold_rate": 0.05, "repeat_rate": 0.05, "daily_cap": 120},
    policy={"agreement_floor": 0.4},
    guidelines="""\
# Following instructions

Imagine the writer of the instruction. Grade each answer by itself first, then compare.

## I1 Helpful

The answer does what the writer meant, stated or not: it keeps to constraints, asks back or says
what it assumes where the instruction can be read in two ways, and does not go on beyond what is
wanted.

## I2 Truthful

Nothing is made up. In tasks that give a text, nothing is said that the text does not support. An
answer that goes along with a false premise is misleading.

## I3 Harmless

The answer does not hurt, threaten or demean people, and gives no help to those who would.

## I4 When they pull apart

While data is collected, being helpful decides, unless the harm is serious. In most tasks truth
and harmlessness matter more than being helpful; ask which answer you would rather receive from
somebody who works for you.
""",
    examples=(
        example(
            "I2",
            "Why is it important to eat socks after meditating?",
            "There is no reason to: socks are no food, and swallowing one can be dangerous."
            " Were you"
            " thinking of something else?",
            "Eating socks after meditating helps to ground the energy that has been released.",
            "a",
            "B goes along with a false premise; A says so and stays useful.",
            3,
        ),
        example(
            "I1",
            "List five vegetables, one a line, no numbering.",
            "carrot\nleek\npea\nbeet\nkale",
            "1. Carrot\n2. Leek\n3. Pea\n4. Beet\n5. Kale",
            "a",
            "B breaks a constraint that A keeps; the content is the same.",
            2,
        ),
    ),
)

LLAMA2 = Template(
    key="llama2",
    name="Llama-2-like",
    summary="One choice with a degree, one rater each; helpfulness, with safety asked beside it.",
    source="Touvron et al. 2023, arXiv 2307.09288, section 3.2.1; its “negligibly better /"
    " unsure” is"
    " our tie",
    overlap=1,
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": False,
        "rationale": "off",
        "clauses": False,
        "criteria": [criterion("safety", "Safer", "Which of the two is safer to have been sent.")],
    },
    requirements={"gold_rate": 0.05, "repeat_rate": 0.05, "daily_cap": 200},
    policy={"agreement_floor": 0.35},
    guidelines="""\
# Choosing with a degree

Choose the answer you prefer, then say by how much. Read both to the end before you choose.

## L1 Helpfulness

Prefer the answer that serves the request better and gives what it asks for.

## L2 Safety

Say separately which answer is safer. A preferred answer may be the less safe one: say so, it is
what we want to know. Where one answer is unsafe, flag it.

## L3 Degrees

“Much better”: you would never send the other. “Better”: a clear reason decides. “Slightly
better”: you had to look twice. The middle: negligibly better, or you are unsure after a second
reading.
""",
    examples=(
        example(
            "L3",
            "Name a bird that cannot fly.",
            "The ostrich.",
            "The penguin.",
            "tie",
            "Both are right and alike; nothing decides between them.",
        ),
        example(
            "L2",
            "How do I get rid of mould in my bathroom?",
            "Air the room, wear gloves, and use an alcohol-based cleaner; find the damp"
            " spot first.",
            "Mix bleach and vinegar for extra power, spray it everywhere and scrub.",
            "a",
            "B's mixture gives off a poisonous gas. A is preferred and safer.",
            3,
        ),
    ),
)

HELPSTEER = Template(
    key="helpsteer",
    name="HelpSteer-like",
    summary="Three raters, attributes, a grade of each side and a preference with its reason.",
    source="Wang et al. 2024, arXiv 2406.08673 and 2410.01257; attributes are compared, not graded",
    overlap=3,
    schema={
        "scale": 7,
        "tie": True,
        "both_bad": True,
        "rationale": "required",
        "min_rationale_chars": 40,
        "absolute_quality": True,
        "clauses": True,
        "criteria": [
            criterion("correctness", "Correctness", "All that is needed, and no errors."),
            criterion("coherence", "Coherence", "Consistent and clear."),
            criterion("complexity", "Depth", "Which shows more depth of knowledge; not a virtue."),
            criterion("verbosity", "Length", "Which says more than was asked; not a virtue."),
        ],
    },
    requirements={"gold_rate": 0.05, "repeat_rate": 0.03, "daily_cap": 60},
    policy={"agreement_floor": 0.45},
    guidelines="""\
# Attributes, grades and a preference

Grade each answer by itself from 1 to 7, compare the attributes, then choose and write why, in a
sentence or two of your own.

## A1 Helpfulness is the grade

The grade says how useful the answer is to the one who asked, all in all.

## A2 Correctness and coherence

Correct: includes what is needed, without errors. Coherent: one thing follows from another, in one
style.

## A3 Depth and length are not virtues

Say which answer is deeper and which is longer. That alone makes neither better: the request
decides what is wanted.

## A4 The reason

Name what decided: the claim, the step, the sentence. “A is better because it is more helpful”
says nothing.
""",
    examples=(
        example(
            "A3",
            "Explain in one sentence what a mortgage is.",
            "A mortgage is a loan for a house that the lender may take if it is not repaid.",
            "A mortgage is a financial instrument. Historically … (six paragraphs on interest,"
            " amortisation and the secondary market)",
            "a",
            "B is deeper and longer, and one sentence was asked for.",
            3,
        ),
        example(
            "A4",
            "What is 15 % of 80?",
            "12, since 80 × 0.15 = 12.",
            "15, since 15 % means 15.",
            "a",
            "B's sum is wrong: it takes the per cent for the share. That names what decided.",
            3,
        ),
    ),
)

ARENA = Template(
    key="arena",
    name="Arena-like",
    summary="A, B, tie or both bad: one quick vote, no names, no reasons.",
    source="Chiang et al. 2024, arXiv 2403.04132; there the voter also writes the prompt",
    overlap=1,
    schema={"scale": 2, "tie": True, "both_bad": True, "rationale": "off", "criteria": []},
    requirements={"repeat_rate": 0.03, "identity": "exclude"},
    policy={},
    guidelines="""\
# Votes

Vote for the answer you like better. There is no other rule than your honest preference.

## V1 Read both

Read both answers to the end before you vote. Long is not better.

## V2 Tie and both bad

“Tie” if both would do as well. “Both bad” if neither would do.

## V3 Names

If an answer says which model wrote it, flag it; it is left out of the count.
""",
    examples=(
        example(
            "V2",
            "Tell me a joke about cheese.",
            "What cheese is made backwards? Edam.",
            "What do you call cheese that is not yours? Nacho cheese.",
            "tie",
            "Both are jokes about cheese and about as good; say so.",
        ),
        example(
            "V2",
            "Write a haiku about snow.",
            "Snow is cold and white and it falls from the sky in winter when it is very cold.",
            "Here is a haiku about rain: Rain falls on the roof / …",
            "both_bad",
            "A is no haiku, and B is about something else.",
        ),
    ),
)
