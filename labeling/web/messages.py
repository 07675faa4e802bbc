"""What actions and pure packages tell raters, in the reader's language.

They know no language but English. Here their sentences stand a second time as templates, so that
they are extracted for translation, and a sentence is found again by the template it fits. A test
compares this list with what is raised.
"""

import re

from django.conf import settings
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

TITLES = (
    _("This cannot be done"),
    _("Some of what was sent cannot be used"),
    _("Not allowed"),
    _("A qualification comes first"),
    _("That is enough for today"),
    _("This campaign asks for something more"),
    _("You have done your part here"),
    _("You have finished this study"),
    _("Not found"),
    _("Conflict"),
    _("This campaign has ended"),
    _("This comparison has gone to another rater"),
    _("Too large"),
    _("One moment"),
    _("Too many requests"),
)
SENTENCES = (
    # labeling.access
    _("There is nothing here, or you have no part in it."),
    _("Your part in this campaign has been paused."),
    # labeling.actions.claiming, rating, raters, drafts
    _("Many raters are claiming at once. Please try again in a moment."),
    _("You have already judged this comparison: “%(shown)s” is stored. Undo it to change it."),
    _("This comparison is already judged, or has gone to another rater."),
    _("This campaign has ended; it takes no more answers."),
    _("The time for this comparison ran out and it has gone to another rater."),
    _("There is no such judgment of yours."),
    _("The expected answer to it has been shown: a practice answer stays."),
    _("A judgment can be changed for %(minutes)s minutes; that time is over."),
    _("There is no such comparison of yours."),
    _("You have judged %(cap)s today, as many as this campaign gives a day. It goes on tomorrow."),
    _("You have judged %(cap)s here, as many as this campaign gives one rater. Thank you."),
    _("Rating here asks for something more. %(reasons)s"),
    _("You have given all that this study asks for. Thank you."),
    # labeling.actions.profiles, labeling.web.entry
    _("At most %(most)s skills."),
    _("At most %(most)s languages."),
    _("“%(text)s” is no language tag; write en, nb-NO or zh-Hant."),
    _("Choose one of the answers, or skip the question."),
    _("You rate nowhere yet. When somebody invites you, come back here."),
    _("A skill has a name of 1 to %(most)s characters."),
    _("There is no such study."),
    _("The panel's id of you is missing in the address: come here from its page."),
    _("An id in this address is none that a panel gives: come here from its page."),
    _("This study takes nobody new any more."),
    _("This study does not run just now. Please come back later."),
    _("This study has all the participants it needs."),
    _("Many people are starting just now. Please try again in a minute."),
    _("Your part in this study has been paused."),
    _("You are signed in with an account of your own. Sign out first."),
    _("This judgment was changed in another tab. Reload to see it."),
    _("Only a person who signs in can rate here."),
    _("A draft holds at most %(most)s characters."),
    _("A manager has withdrawn this judgment; it cannot be changed any more."),
    # labeling.actions.invitations
    _("This invitation is for %(email)s, which is not an address of your account."),
    _("%(email)s has an account. Sign in, then open this link."),
    _("The account could not be made."),
    _("Somebody else has this name. Choose another."),
    # labeling.actions.appeals, qualification, readings
    _("Say in a sentence or two why you see it differently."),
    _("At most %(most)s characters, and no NUL among them."),
    _("This appeal is %(state)s already."),
    _("You have already appealed against this one."),
    _("Rating here asks for the qualification of “%(name)s”. Pass it there, then come back."),
    _("Another tab of yours is at it. Please try again in a moment."),
    _("There is no such version of these guidelines."),
    # labeling.schemas
    _("You edited %(edited)s, and neither is better. Choose %(side)s, or take the edit back."),
    _("You edited %(edited)s, but %(better)s is better. Take the edit back, or choose %(side)s."),
    _("The guidelines have no clause %(clause)s. They have %(clauses)s."),
    _("On this scale the strength goes from 1 to %(strongest)s."),
    _("This campaign does not ask for this criterion."),
    _("Say how good %(side)s is by itself, from 1 (poor) to 7 (excellent)."),
    _("Say why, in at least %(wanted)s characters; there are %(length)s."),
    _("This campaign has no tie: choose left or right."),
    _("This campaign has no “both bad”: choose a side or a tie."),
    _("%(criterion)s: say which is better, or choose =."),
    _("Response %(side)s has %(count)s steps, and %(marked)s are marked."),
    _(
        "Response %(side)s, step %(number)s: say whether it is correct, unsure or wrong."
        " Steps after a wrong one may be left open."
    ),
    _("The edited text is empty. Write it, or take the edit back."),
    _("The edit has a NUL character in it; take it out."),
    _("This campaign does not ask for a reason."),
    _("The text has a NUL character in it; take it out."),
    _("This campaign does not ask for %(field)s."),
    _("A tie has strength 0."),
    # labeling.skills
    _("It needs the language %(language)s, which is not among yours."),
    _("It asks whether you know %(skill)s: say so in your profile."),
    _("It needs %(skill)s at %(needed)s, and you have not shown it yet."),
    _("It needs %(skill)s at %(needed)s; yours is %(level)s."),
    # labeling.bench_settings
    _("No key can be given to this."),
    _("These settings cannot be read."),
    _("Choose a letter, a digit or another single sign."),
    _("%(action)s: %(key)s is taken by %(taker)s. Choose another."),
    # labeling.actions.cases
    _("Write a word or two."),
    _("There is no such case about your work."),
    # labeling.web
    _("At most %(limit)s bytes can be sent here."),
    _("There is nothing to undo: a judgment can be changed for %(minutes)s minutes."),
    _("Say why you skip: choose one of the reasons."),
    _("This comparison is not open to you any more."),
    _("Say which comparison is on the screen: assignment_id."),
    _("Say which version you have read."),
    _("There is no such judgment of yours that can still be changed."),
    _("Your answer was the expected one; there is nothing to appeal against."),
)
# Words that stand inside sentences.
WORDS = (
    *(_("Step 1 of the scale"), _("Step 2 of the scale"), _("Step 3 of the scale")),
    *(_("Step 4 of the scale"), _("Step 5 of the scale"), _("Step 6 of the scale")),
    *(_("Step 7 of the scale"), _("Both bad"), _("Submit"), _("Write a reason")),
    *(
        _("Grade each side"),
        _("Cite clauses"),
        _("Edit the winner"),
        _("Skip"),
        _("Flag"),
        _("Undo"),
        _("Word differences"),
    ),
    *(_("Hide or show the prompt"), _("Guidelines"), _("Show both now"), _("Next step")),
    *(_("Previous step"), _("Step is correct"), _("Step is unclear"), _("Step is wrong")),
    *(_("List of keys"), _("none"), _("left"), _("right"), _("tie"), _("both bad")),
    *(_("upheld"), _("declined")),
)
# Months that Django misspells in one of our languages; here they are as Unicode's CLDR has them.
MONTHS = (_("April"), _("September"), _("November"), _("December"))
_PLACE = re.compile(r"%\((\w+)\)s")


def in_their_language(message: str) -> str:
    """The message as the reader's language says it; as it is where nobody has translated it."""
    if not message or get_language() == settings.LANGUAGE_CODE:
        return message
    if (translated := gettext(message)) != message:
        return translated
    for template, pattern in _PATTERNS:
        if found := pattern.fullmatch(message):
            values = {name: _word(value) for name, value in found.groupdict().items()}
            return gettext(template) % values
    return message


def _word(value: str) -> str:
    return gettext(value) if value in WORDS else value


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)
    # Texts and names by turns.
    return re.compile(
        "".join(
            f"(?P<{part}>.+?)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        ),
        re.DOTALL,
    )


_PATTERNS = [(text, _pattern(text)) for text in SENTENCES if _PLACE.search(text)]
