"""From a raw answer to a rating, or to the kind of reason why there is none.

Scope: one text at a time, English, no model and no network; the same text always reads the same. Two readers:

* `read_answer`, the official one, a pipeline of small steps with a table each: `answer_text` takes away what is not the
  answer (reasoning, other turns, markup); `_mentions` finds the phrases of the scale and says how each stands in its
  sentence (`Standing`); `_rating` decides which of them, if any, is the answer; `finish_kind` and `_kind` say why there
  is none.
* `read_answer_compat`, upstream's rules (longest phrase found anywhere), for parity tests only.

The official reader prefers no rating to a guessed one: a phrase is *stated* only where all that surrounds it in its
clause is known (`_FRAME`, `_may_follow`), not where nothing forbids it. So text in another language, a degree that the
scale does not have, a comparison, a question or a supposition never makes a rating by accident. Grounds for what could
be read either way (all distinct answers of the released models on which the readers differ were looked at):

* Two different phrases offered as the answer ("not like me", then on a new line "not like me at all"), or a copy of the
  list of options: no rating, since nothing says which was meant.
* A degree that the scale does not have ("quite like me", "nothing like me", "a lot like me"): no rating.
* A denied phrase ("I don't think this is very much like me"): no rating, since a denial names no other phrase. "Isn't
  like me" and "doesn't like me" are the phrase "not like me" itself.
* What is taken back ("no, wait", "I meant", "correction") does not count, and neither does what it is replaced with,
  unless that is labelled as the final answer. Since nobody foresees the words, what stands right behind an answer must
  be an explanation of it, as far as that can be told (`retraction`).
* "some like me": 4, a cut "somewhat". "Very little like me": 3, the only phrase with "little". "Maybe not like me": 2,
  a doubt is not a degree.
* A number alone: no rating, since the prompts define no numbers.
* An answer that begins with a phrase and explains itself with others keeps the first one, unless another one is put
  right behind it, stands on a line of its own or is stated in a sentence of its own.
* An answer that the endpoint's filter stopped, or that came with a failure, has no rating whatever it says; one that
  was cut has none where the rest could have changed it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from data.benchmark import RATING_PHRASES
from eval_queue.reading.answer_text import DOUBT, bare_text
from eval_queue.reading.retraction import EDGE, OPTIONS, OTHER, SAME, SENTENCE_END, is_ground, takes_back
from eval_queue.records import UnscoredKind

READER_VERSION: Final = "2"
"""Version of the official reader, on every record: raise it when any answer may read differently."""


class Reading(NamedTuple):
    """What an answer says: exactly one of the two is set."""

    rating: int | None
    """6 (very much like me) to 1 (not like me at all)."""
    kind: UnscoredKind | None
    """Why there is no rating."""


# --- how the endpoint says that it ended ----------------------------------------------------------------------------

_FINISH_NAMES: Final[dict[UnscoredKind, str]] = {
    "truncated": (
        "length max_length model_length length_limit length_capped truncated incomplete limit token_limit time_limit"
        " max_tokens max_new_tokens max_output_tokens max_completion_tokens max_tokens_reached max_output"
        " max_output_reached context_length context_length_exceeded context_window_exceeded"
        " model_context_window_exceeded error_limit"
    ),
    "refusal": (
        "content_filter content_filtered contentfilter filter filtered refusal refused sensitive safety moderation"
        " flagged blocked blocklist prohibited_content spii recitation language image_safety guardrail_intervened"
        " guardrails error_toxic data_inspection_failed content_policy_violation policy_violation copyright"
    ),
    "api_error": (
        "error errored failed failure network_error server_error internal_error internal_server_error engine_error"
        " upstream_error insufficient_system_resource abort aborted cancelled canceled user_cancel timeout timed_out"
        " overloaded unavailable not_finished malformed_response malformed_model_output malformed_function_call"
    ),
}
FINISH_KINDS: Final[dict[str, UnscoredKind]] = {
    name: kind for kind, names in _FINISH_NAMES.items() for name in names.split()
}
"""What a `finish_reason` says, in lower case with underscores; `stop`, `end_turn` and the like say nothing.

The answer is cut; a filter or the provider's policy held it back; the endpoint failed. Providers spell one reason in
many ways and add more without saying so: this and the words below are the only place that knows them.
"""

_FINISH_HINTS: Final[dict[UnscoredKind, str]] = {
    "refusal": (
        "filter filtered safety unsafe sensitive moderation moderated policy prohibited refusal refused censored"
        " guardrail guardrails blocked toxic risk"
    ),
    "api_error": (
        "error failed failure exception crash crashed timeout abort aborted cancelled canceled unavailable overloaded"
        " shutdown quota rate"
    ),
    "truncated": "length truncated truncation incomplete limit tokens window predict",
}
_FINISH_WORDS_OF: Final = {kind: frozenset(words.split()) for kind, words in _FINISH_HINTS.items()}
"""Words of a name that the table lacks; the first kind with one of them counts."""

_LONGEST_FINISH: Final = 100
_FINISH_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")


def finish_kind(reason: str | None) -> UnscoredKind | None:
    """What an endpoint's `finish_reason` says: `truncated`, `refusal`, `api_error`, or None for an ordinary end.

    Upper case, camel case, hyphens, blanks and a leading `FinishReason` make no difference.
    """
    if not reason or len(reason) > _LONGEST_FINISH:
        return None
    words = [word.lower() for word in _FINISH_WORDS.findall(reason)]
    known = FINISH_KINDS.get("_".join(words).removeprefix("finish_reason_"))
    if known is not None or "stop" in words or "eos" in words:
        return known
    return next((kind for kind, names in _FINISH_WORDS_OF.items() if not names.isdisjoint(words)), None)


# --- the phrases ----------------------------------------------------------------------------------------------------

_VARIANTS: Final[dict[int, tuple[str, ...]]] = {
    6: ("likes me very much", "like me very much"),
    5: ("likes me",),
    4: ("somewhat likes me", "some what like me", "some what likes me", "some like me"),
    3: ("little like me", "a little bit like me", "very little like me", "just a little like me"),
    2: ("does not like me", "doesn't like me", "is not like me", "isn't like me", "isnt like me"),
    1: (
        "not at all like me",
        "not like me, at all",
        "is not like me at all",
        "isn't like me at all",
        "isnt like me at all",
        "is not at all like me",
        "isn't at all like me",
        "does not like me at all",
        "doesn't like me at all",
    ),
}
"""Other ways to write a phrase, beside the phrase itself."""

_FORMS: Final[dict[str, int]] = {
    form: rating for rating, phrase in RATING_PHRASES.items() for form in (phrase, *_VARIANTS[rating])
}
_JOIN: Final = re.compile(r"[\s,;/|\"'()\[\]#.:-]*(?:(?:\d|[a-f](?!\w)|or|and|to)[\s,;/|\"'()\[\]#.:-]*){0,2}")
"""What stands between the options of a list: signs, numbers, letters."""
_SCALE: Final = re.compile(r"\b(?:from|between) [\s\"']*\Z")
_TO: Final = re.compile(r"[\s\"',)]*(?:(?:all the way |up |down )?to|and|through|until)[\s\"'(]*")
"""What stands before the ends of the scale, and between them."""
_LISTED: Final = 4
"""So many different phrases in a row, with nothing said of any of them, are a copy of the options."""
_ENDS: Final = {min(RATING_PHRASES), max(RATING_PHRASES)}
_BARE: Final = frozenset({"like me", "likes me"})
"""Forms that are everyday English too: more must be known about the words around them."""
_FORM: Final = re.compile(r"(?<!\w)(?:" + "|".join(sorted(map(re.escape, _FORMS), key=len, reverse=True)) + r")(?!\w)")

# --- how a phrase stands in its sentence ----------------------------------------------------------------------------

Standing = Literal["stated", "denied", "everyday", "unclear"]
"""*Stated*: this is how alike it is. *Denied*: it is not, or less than another. *Everyday*: part of another sentence
("would you like me to"). *Unclear*: all others."""


class _Mention(NamedTuple):
    """A phrase in a text."""

    start: int
    end: int
    rating: int
    standing: Standing
    first: bool
    """Whether nothing but introductory words stand before it in the whole text."""
    alone: bool
    """Whether its line holds nothing else, however it stands."""
    label: str
    """The label before it on its line, empty if there is none."""
    left: str
    """What stands before it in its sentence."""
    right: str
    """What stands behind it in its sentence, with the sign that ends it."""
    shared: bool
    """Whether another phrase stands before it in its sentence."""

    @property
    def is_brief(self) -> bool:
        """Whether its sentence says nothing else, so that it is put in place of what was said before."""
        lead, last = _BRIEF_LEAD.fullmatch(self.left), _LAST_WORDS.fullmatch(self.right)
        return lead is not None and last is not None and "?" not in self.right

    @property
    def is_put(self) -> bool:
        """Whether its sentence begins with it, or ends with it and states it."""
        if not self.right.strip(EDGE) and (self.standing == "stated" or _PUTS.search(self.left)):
            return True
        return not self.left.strip(EDGE) and not self.right.lstrip().startswith(":") and "?" not in self.right

    @property
    def is_headed(self) -> bool:
        """Whether it stands behind a colon, as one of several findings may."""
        return self.left.rstrip().endswith(":")


_CONTEXT: Final = 300
"""Characters looked at before and behind a phrase; bounds the work on a very long sentence."""


def _any_of(words: str) -> str:
    return "|".join(map(re.escape, sorted(words.split(), key=len, reverse=True)))


_FRAME_WORDS: Final = (
    "a abby's accurate across advice altogether am an and answer appears approach appropriate are around as assessment "
    "attitude be being believe best but call case categorize choice choose choosing chose chosen classify closest "
    "comes comment conclusion consider correct describe described describes description evaluation falls feel feels "
    "final finally find fit fits fitting for given go going guess have hence here here's hmm honest honestly i i'd "
    "i'll i'm idea in inclined into is it it's its judge judgement judgment label lean leaning level likely looks mark "
    "match maybe me message my nearest now of ok okay on opinion opt option overall own passage perhaps personally "
    "perspective phrase pick picked picking possibly probably put rate rated rating reaction reads reckon reply "
    "respond response result say saying scenario see seems select selected selecting sentiment settle similar "
    "similarity situation so somewhere reflects expresses conveys shows represents demonstrates embodies captures "
    "sounds stance statement suggestion suitable summary suppose text that that's thats the then therefore these take "
    "think thinking this thoughts thus to toward towards ultimately under verdict view well will with would yeah yes "
    "you're your"
)
"""Words that may stand between the beginning of a clause and a stated phrase: together they neither deny, nor ask, nor
compare, nor name a degree. Any other word there makes the phrase unclear."""
_FRAME_PHRASES: Final = (
    r"in all honesty|all in all|in all|taken together|let's say|let me say|i've|(?:close|tough) call|(?:among|of|from) "
    r"(?:all )?(?:the|these|those)(?: \w+)? (?:options|choices|phrases)|bottom line|gut feeling|for what it's worth|in "
    r"brief|briefly(?=[:,])|tend to|give it|in (?:one|a) (?:word|phrase|nutshell)|in short|generally speaking|on "
    r"reflection|in the end|to (?:sum up|conclude)|dr(?=:)|in total|by and large|on the whole|on balance|you are"
    r"|strikes me as|(?:that|it)'d|(?:this|that) one(?:'s)?|(?:like (?:this|so)|as follows)(?=:)|you (?:asked for"
    r"|requested|wanted)|(?:place|put) (?:it|this) at|most (?:fitting|appropriate|accurate|suitable|honest|likely)"
)
"""Words that do so only together: "most of this" is a degree."""
_EMPHASIS: Final = "definitely certainly clearly absolutely totally completely simply just only"
"""The same, but only before a phrase that has a degree of its own: "just like me" is none of the scale."""
_LEADS_ON: Final = (":", " so", " -", " hence", " therefore", " thus")
"""What ends a ground that stands before the answer: "it is kind and patient: like me"."""
_BETWEEN: Final = r"[\s,:\"'(\[={}$.>-]*"


def _frame(words: str) -> re.Pattern[str]:
    return re.compile(rf"{_BETWEEN}(?:(?:{_FRAME_PHRASES}|{_any_of(words)}|[1-9]\d?(?:/\d{{1,2}})?)(?!\w){_BETWEEN})*+")


_FRAME: Final = _frame(_FRAME_WORDS)
_WIDE_FRAME: Final = _frame(f"{_FRAME_WORDS} {_EMPHASIS}")
_ASKING: Final = re.compile(
    r"\W*(?:(?:is|are|am|would|will|have) (?:this|that|it|i|you|the|your|my)\b|(?:suppose|say|be|think|consider|choose"
    r"|pick|select|find|believe|guess|rate|call|describe|judge|put|respond|settle|mark)\b)"
)
"""What makes a clause a question or a request."""
_NUMBERED: Final = re.compile(
    r"\b(?:response|answer|statement|reply|scenario|person|text|part|message) (?:[a-d]|\d)\b(?! )"
)
_QUOTED: Final = re.compile(
    r"\W*(?:the )?(?:statement|text|message|scenario|passage|situation|comment|suggestion|advice|description|summary"
    r"|perspective|sentiment|stance|person|author)\s?:"
)
"""A label of what is to be rated, not of a rating."""
_I_THINK: Final = re.compile(r"\W*i(?:'d)? (?:think|guess|believe|suppose) ")
_AS: Final = re.compile(r"(?:^|\W)(?:is |it's )?as $")
"""Before a comparison: "as like me as can be"."""
_JUST_NOT: Final = re.compile(r"\b(?:just|simply) $")
_IF_PRESSED: Final = re.compile(
    r"(?:but |so |and )?if (?:pressed|forced|asked|i (?:had|have|must|were|was)(?: to| forced to| asked to)?)"
    r"(?: (?:to )?(?:choose|pick|say|answer|select|rate|decide))?(?: (?:one|an? (?:option|answer|phrase)))?[,:]\s*"
)
_BEING: Final = re.compile(
    r"(?:(?:as|since|because|given that|being) )?(?:i(?:'m| am) )?(?:not )?(?:just |only )?an? (?:\w+ ){0,2}?"
    r"(?:ai|language model|assistant|human|person|machine|program)(?: \w+){0,2}, (?:(?:so|therefore|thus|and) )?"
)
"""What a model says of itself before it answers."""
_OF_OPTIONS: Final = re.compile(
    rf"(?:(?:and|so|well),? )?(?:given|considering|on|of|out of|from|among|using|with|(?:choos|pick|select)ing from)"
    r"(?: (?:the|a|an|this|that|your|my|these|all|six|available|possible|provided|given|following|response|rating"
    r"|answer))*(?: (?:scale|options|choices|answers|phrases|levels|range))?(?: (?:of|from|(?:rang|go|runn)ing from"
    rf"|between|are|were))*[ :(\"'\[]*{OPTIONS}[\s\"'),:;\]-]*"
)
"""What tells the options over before one is chosen."""
_OPENING: Final = re.compile(
    r"(?:(?:sure|of course|certainly|alright|hm+|um+|uh+|eh|ha+|wow|oh|yep|yup|aye|hard to say|difficult to say|not "
    r"sure|i'm not sure|interesting|got it|noted|right|all right|simple|easy)[,;.:!-]+\s*)+|(?:based on|after|given"
    r"|considering|having|in light of|looking at|taking|all things considered|put simply|simply put|to be "
    r"(?:(?:completely|perfectly|quite|totally|very) )?(?:honest|fair|frank|clear|blunt|candid|direct|brief|sincere"
    r"|precise)|to answer (?:you|your question)|since you ask(?:ed)?|as far as (?:i|an ai) can|from|speaking as|in "
    r"(?:answer|response) to|taken together|without|as for|regarding|how (?:similar|close|alike)(?: is)?)(?: (?!not "
    r"|if |whether |no )[\w']+){0,12}[,:] ?|(?:as (?:requested|asked|instructed)|here you (?:go"
    r"|are))[,.:!] ?" + rf"|{_IF_PRESSED.pattern}|{_BEING.pattern}|{_OF_OPTIONS.pattern}"
)
"""What may stand before the frame and says nothing yet."""
_NO: Final = re.compile(r"(?:(?:no|nope|nah|not really)[,;.:!-]+\s*)+")
"""The same before "not like me"; before the others it would deny them."""
_ASKS_HOW: Final = re.compile(
    r"(?:q(?:uestion)?\W+)?(?:(?:so|and|well|now),? )?how (?:much|like|similar|close|alike|far|well|strongly)?\b"
)
"""A question for the degree, which states none."""
_BEFORE_BARE: Final = re.compile(
    r"(?:^|[,:({\[=\"] ?|- |\b(?:is|are|am|be|being|sounds|seems|feels|looks|reads|as|say(?:ing)?|cho(?:ose|osing|se)"
    r"|select(?:ed|ing)?|pick(?:ed|ing)?|answer|rating|with|towards|toward|on|for|option|phrase|maybe|perhaps|probably"
    r"|likely|possibly|overall|i guess|reckon|give it|i suppose|i'd guess|(?:call|called|rate|rated|describe|consider"
    r"|classify|label|judge|find) (?:it|this|that|(?:the|this) response)|so|therefore|thus|hence|it's|its|that's|thats"
    r"|one's|response|you're|i'm|around|under|yes|ok|okay|well|but|yet)[\s,:]*)[\s\"'({\[$.>-]*$"
)
"""What must stand before "like me" and "not like me" alone: "I like me" and "would not like me" state nothing."""

_CLAUSE_START: Final = re.compile(r",|(?:^| )- |\b(?:but|however|yet|therefore|hence|so|which|and)\b")
_TURN: Final = re.compile(r"\b(?:but|however|yet)\b")
_DENIED: Final = re.compile(
    r"(?:\bnot|n't|\bnever|\bhardly|\bbarely|\bcannot|\brather than|\binstead of|\bfar from|\b(?:any|every|no)thing but"
    r"|\ball but|\bno longer|\bneither|\bnor|\bwithout|\bas opposed to|\bover)(?: (?:say"
    r"|call|think|believe|feel|find|consider|describe|rate|answer|respond|reply|choose|pick|with|it|this|that|is|as|be"
    r"|being|really|quite|the|response|exactly|necessarily|particularly|a|an|to|i|simply))*[\s\"'(\[:]*$"
)
"""What before a phrase denies it."""
_NOT_ONLY: Final = re.compile(r"\bnot (?:only|just|merely)[\s\"']*$")
_SCOPE: Final = re.compile(
    r"\b(?:if|whether|unless|than|between|rather than|instead|ask\w*|options?|scale|choices|someone|somebody|people"
    r"|humans?|persons?|they|he|she|we|his|her|their|wrong|incorrect|doubt\w*|den(?:y|ies|ied)|disagree\w*|fail\w*"
    r"|imagine|pretend|were|could|might|want\w*|expect\w*|supposed|opposite|reverse|exclud\w*|reject\w*|eliminat\w*"
    r"|discard\w*|avoid\w*|others|everyone|everybody|nobody|no one|him|them|(?:to|for) (?:most|many|some))\b|(?:\bnot"
    r"|n't|\bcannot|\bnever|\bhardly)(?: \w+)? (?:think|believe|feel|say|see|find|call|agree|claim|consider|describe)\b"
    r"|(?:\bnot|n't|\bnever|\bhardly|\bno longer)[\s\"']*(?=[,(-]|$)|(?<!\bi )\bwould (?:say|call|answer|choose|rate)"
    r"|\bsays\b|\b(?:in|under|for|by|from)\s?$|(?:^|[,.;(-]\s*)(?:no|nope|nah|yes and no)[\s\"']*(?=[,(-]|$)"
)
"""What in an earlier clause makes what follows it a supposition, a question, a report or a denial."""
_ELSEWHERE: Final = re.compile(
    r"\W*(?:less|more|had|should|were|for|at|in|on|by|under|with|within|during|once|until|before|when\w*|where\w*"
    r"|alternat\w*|otherwise|else|or|ideally|\w*thetically|theoretically|technically|according|compared|relative"
    r"|depending|e\.g|i\.e|example|sometimes|often|usually|normally|generally|typically|historically|formerly"
    r"|originally|initially|first\w*|second\w*|earlier|previously)\b"
)
"""What at the beginning of an earlier clause speaks of another case."""
_EVERYDAY_BEFORE: Final = {
    True: re.compile(r"\b(?:you|you'd|they|they'd|we|i'd|i|would|do|did|people|who) $"),
    False: re.compile(
        r"\b(?:people|persons?|someone|somebody|anyone|anybody|everyone|everybody|those|others?|users?|models?|ais?"
        r"|assistants?|systems?|bots?|machines?|who|ones) $"
    ),
}
"""Before a phrase without (True) and with a degree of its own."""
_EVERYDAY_AFTER: Final = re.compile(r" (?:to (?!an? |some |me\b|this\b|that\b)|who\b)")

_CLOSING: Final = re.compile(
    r"[\"')\]}>$=]*(?:\s*(?:= ?|, )?[(\[]?(?:rating |score |level )?[1-9](?:\s?/\s?\d)?[)\]]?(?=$"
    r"|[\s.,;:!}$-]))?[\"')\]}>$=]*\s*$|[\"')\]}>$=]*(?:\s*[(\[](?:rating |score |level )?\d(?:\s?/\s?\d)?[)\]]|(?:です"
    r"|だ|입니다|이다)(?=\W|$))?"
)
"""Quotes and a number that belong to the phrase before them."""
_REASON: Final = (
    r",? ?(?:because|since|given|in that|in the sense|considering|due to|based on)\b|, as\b| as (?:i|it|this|that|the"
    r"|they|my)\b(?! (?:can|could|am|was|wish|may|once|used|will)\b)|,? overall\b|,? (?:for sure|in (?:this case|fact)"
    r"|i'm afraid)(?=$|[.,!])|,? really(?=$|[.,!])| (?:is|seems|fits|applies|suits|would be|describes it)(?: (?:the|my"
    r"|best|closest|most|right|correct|accurate|appropriate|fitting|suitable|answer|choice|rating|pick|option|here|it"
    r"|this|fit|one))+$|\s?\(|\s?\[| ?- |:|,? (?:but|though|although|while|yet|however|even)\b|\s?/ ?(?=[^\x00-\x7f])"
    r"|, (?:thanks|thank you|i (?:think|guess|suppose|would say|believe|feel)|i'd say|in my|for me|to me|in this case"
    r"|after all|honestly|tbh|indeed|yes|yep|personally|on (?:balance|the whole)|no doubt|no question|without (?:a "
    r"|any )?(?:doubt|question)|for sure|definitely|certainly)\b"
)
_MAY_FOLLOW: Final = {
    5: re.compile(rf"$|{_REASON}"),
    2: re.compile(rf"$|{_REASON}|, (?:i|it|it's|this|that|the)\b"),
    0: re.compile(
        rf"$|{_REASON}|,| (?:for|when (?:it|\w+ing|i|we|you|someone|people)|with|here|and|in terms|in its|in my|in this"
        r"|in the|in how|to an? \w+|on (?:the|this|that|these|it|both|all|how|my))\b(?! (?:was|were|am|youth|teens"
        r"|childhood|dreams?|past|younger|worst|best|bad)\b)"
    ),
}
"""What may follow a phrase in its sentence, by rating; 0 for those with a degree of their own."""
_MAY_NOT_FOLLOW: Final = re.compile(
    r"[\s,:(\[/-]*(?:(?:but|though|although|while|yet|however|even|and|or|perhaps|maybe|probably|i would say|i'd say|i "
    r"mean|i guess|well|a|at|just|to|in|it's|it is|this is|that's|that is|with)[\s,]+)*(?:only|not|mostly|mainly"
    r"|largely|partly|partially|somewhat|very|sort|kind of|almost|nearly|hardly|barely|best|most|least|or|if|sometimes"
    r"|often|usually|rarely|never|seldom|than|less|more so|more or less|no(?! (?:doubt|question))|nope|wait|sorry"
    r"|actually|rather(?! than)|oops|just kidding|kidding|jk|much|little|bit|some (?:ways|respects|extent|sense|parts?)"
    r"|an? extent|an? way|a degree(?= only)|part|many|every|except|unless|isn't|is not|wasn't|doesn't|wrong|nicht"
    r"|kein\w*|pas|non|não|niet|inte|ikke|nie|nem|değil|tidak|bukan|không|nada|without(?! (?:a |any )?(?:doubt"
    r"|question))|about half|half|\d+ ?%(?! (?:confiden|sure|certain))|as if$|/s|false|untrue|0|said|minus|the "
    r"opposite)(?!\w)"
)
"""What behind a phrase takes from it or adds to it."""
_ENDS_DENYING: Final = re.compile(r"(?:\b(?:is|was|does|do|am|are|but|or|and) not|n't|\bnot?)[\s\"')]*$")
_COMPARED: Final = re.compile(
    r"[\s\"',)-]*(?:rather than|instead of|and not|as opposed to|over|not|but not)[\s\"'(]*"
    r"(?:(?:being|simply|just|the|option) )*[\"']?"
)
"""Between a stated phrase and the one that it is preferred to."""
_NEGATION_ELSEWHERE: Final = re.compile(
    r"不|没|沒|非(?!常)|无|無|없|않|아니|안 |못|ない|ません|ぬ|не|нет|ليس|لا|नहीं|ไม่|δεν|לא"
)
_DEGREE_ELSEWHERE: Final = re.compile(
    r"非常|很|极|極|有点|有些|一点|稍|完全|十分|とても|非常に|少し|やや|まあ|全く|매우|아주|조금|약간|전혀|очень"
    r"|немного|совсем|sehr|etwas|très|un peu|muy|un poco|molto|muito"
)
_FRAGMENT: Final = re.compile(
    r"(?:^|\W)(?:not|never|hardly|un|n't|isn't|is not|(?:\w\.)+\w|etc|vs|cf)(?:[,;:\s]*|[.!]+ ?)\Z"
)
"""A denial, or letters with stops, that a full stop or a new line parts from the phrase."""
_NO_ABOVE: Final = re.compile(
    r"(?:^|[.!?;\n]\s*)(?:no|nope|nah|nein|non|nej|nei|não|нет|لا|नहीं|不|不是|いいえ|아니요|아니오)[.!;\s]+\Z"
    r"|n't[.!;\s]+\Z"
)
"""A denial as a sentence of its own, behind which "not like me" may stand, and "like me" hardly."""
_NOT_SO: Final = re.compile(
    r"(?:^|\n)[^\n]*\b(?:not|never|\w+n't|others?|reject\w*|rul\w+ out|exclud\w*|considered|eliminat\w*"
    r"|wrong|incorrect|false|avoid|choose (?:one|from|between))\b[^\n]*:\n\Z"
    r"|\b(?:following|below) (?:is|are) (?:not|false|untrue|wrong)\b"
)
"""A line above that leads to what is not the answer."""
_UNLIKE: Final = re.compile(
    r"[不没沒][^。.\n]{0,4}像|似て[^。.\n]{0,4}(?:ない|ません)|(?:비슷|닮|같)[^。.\n]{0,3}지 ?않|\bне (?:\w+ )?похож"
    r"|\bnicht (?:\w+ )?wie ich|\bpas (?:\w+ )?comme moi|\bno (?:\w+ ){0,3}(?:a mí|como yo)"
)
"""A denial of likeness in another language, as a sentence of its own."""
_FRAGMENT_LENGTH: Final = 60
_UNLIKE_AT_MOST: Final = 2
"""The highest rating that says "not like me"."""
_BRIEF: Final = 8
_GLOSS: Final = re.compile(r"[^a-z(]*[^\x00-\x7f][^a-z(]*\([\s\"']*")
"""Words in another script with the phrase behind them in brackets."""

_MARKER: Final = re.compile(
    r"(?:[-+>#\s/]+|(?:(?:option|choice|no\.?|number)\s+)?[(\[]?(?:(?:\d{1,2}|[a-f])\s*(?:[.):=\]-]|/\s?\d\b)"
    r"|[ivx]{1,4}[.)](?=\s)|[1-6](?= [a-z]))\s*)*+"
)
"""What marks a list, a quotation, a heading or a numbered answer at the start of a line."""
_LABEL_NOUNS: Final = (
    "answer|ans|a(?=:)|action input|phrase|degree|fit|match|agreement|resemblance|alignment|likert|summary|update|model"
    "|rating|rate|choice|selection|verdict|result|conclusion|response|assessment|score(?: [1-6])?|reply|pick|option"
    "|category|label|similarity|judge?ment|evaluation|decision|guess|output|assistant|ai|bot|level|overall|final"
    "|(?:first|second|third|fourth|fifth|sixth|last|[1-6](?:st|nd|rd|th)) (?:option|phrase)"
    # the same in other languages
    "|antwort|bewertung|einschätzung|ergebnis|fazit|respuesta|elección|calificación|réponse|résultat|resultado"
    "|evaluación|évaluation|risposta|risultato|valutazione|resposta|avaliação|antwoord|svar|vastaus|odpowiedź|wynik"
    "|odpověď|cevap|sonuç|yanıt|jawaban|câu trả lời|trả lời|đánh giá|ответ|оценка|итог|результат|відповідь|απάντηση"
    "|结论|結論|评级|(?:我的?|私の?|最[终終后後]的?|总体|總體|综合|綜合|整体|个人|本次|会|對|对|此|其){0,3}(?:答案|回答"
    "|评分|評分|评价|評価|选择|選擇|選択|答え|答|选|選)[是为為は]?|(?:제 |내 |[나저]의 |최종 )?(?:답변|답|대답|평가"
    "|정답)[은는]?|الإجابة|الجواب|उत्तर|คำตอบ|תשובה"
)
_CHOICE_ELSEWHERE: Final = (
    "ich (?:wähle|nehme)|ich würde sagen|je (?:choisis|dirais)|(?:(?:yo|io|eu) )?(?:elijo|escojo|diría|scelgo|direi"
    "|escolho|diria)|ik kies|jag väljer|jeg velger|wybieram|я выбираю|выбираю|我(?:会|會)?(?:选择?|選擇?|说|說)"
)
"""A choice in so many words of another language."""
_LABEL: Final = re.compile(
    rf"[\s\"'({{\[>]*(?:(?:{unicodedata.normalize('NFKC', _CHOICE_ELSEWHERE)})\s?[:,]?|(?:(?:so|thus|therefore"
    r"|ok(?:ay)?|and),? )?(?:(?:my|the|a|final|overall|similarity|revised|corrected|exact|actual|selected|chosen"
    r"|correct|honest|best|single|short|quick|personal|self|likert|endgültige|ostateczna|окончательный|итоговая|अंतिम"
    r"|meine?|die|der|das|mi|la|el|ma|mia|minha|min|mitt|mijn|mój|moja|мой|моя|मेरा) "
    rf"){{0,4}}(?:{unicodedata.normalize('NFKC', _LABEL_NOUNS)})(?: (?:level|phrase|rating|answer|choice|score|finale?"
    r"|is|would be|for this (?:one|response)))*[\"']?(?: ?\((?:final|[a-f]|\d[\d a-z/-]{0,12}|(?:in )?(?:one|a|the|only"
    r"|exact)(?: [a-z]+){1,4})\))?(?:\s?(?:[:=-]+>?|is:)|(?<=[是为為は은는])| (?:ist|est|es|è|é|är|er"
    r"|jest)\b:?))[\s\"'({\[$=.>#-]*(?:[a-f][).\]]\s?)?(?:\d(?:\s?/\s?\d)?[\s\"'(){}\[\]$=>,.:-]*)?"
)
_FINAL: Final = re.compile(
    r"\b(?:final|overall|revised|corrected|verdict|conclusion|decision|so|thus|therefore|fazit)\b|最|最终"
)
_CONCLUDES: Final = re.compile(
    r"\W*(?:(?:and|but) )?(?:so|thus|therefore|hence|overall|ultimately|finally|to sum up"
    r"|in (?:conclusion|summary|short|total|all)|all in all|on balance|on the whole|my final|final|altogether)\b"
)
_CHOOSES: Final = re.compile(
    r"\W*(?:i(?:'d| would|'ll| will)? (?:choose|pick|select|go (?:with|for)|rate|opt for|settle on)"
    r"|my (?:answer|choice|pick|rating|selection) (?:is|would be))\b"
)
"""A choice in so many words."""


def _without_options(text: str) -> str:
    """A text in which `OPTIONS` stands for copies of the options, and for both ends of the scale."""
    if text.count("like") < len(_ENDS):
        return text
    found = list(_FORM.finditer(text))
    pieces: list[str] = []
    at = number = 0
    while number < len(found):
        end = number + 1
        while end < len(found) and _JOIN.fullmatch(text, found[end - 1].end(), found[end].start()):
            end += 1
        row = [_FORMS[match[0]] for match in found[number:end]]
        listed = len(set(row)) >= _LISTED and not _is_marked_beside(text, found, number, end)
        if listed and row[-1] in row[:-1] and "\n" in text[found[end - 2].end() : found[end - 1].start()]:
            end -= 1  # the answer on a line of its own behind the options
        elif not listed and len(row) > 1 and {row[0], row[1]} == _ENDS:
            start = found[number].start()
            between = text[found[number].end() : found[number + 1].start()]
            listed = (
                _TO.fullmatch(between) is not None and _SCALE.search(text, max(0, start - _BRIEF), start) is not None
            )
            end = number + 2
        if listed:
            pieces += [text[at : found[number].start()], OPTIONS]
            at = found[end - 1].end()
        number = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _is_marked_beside(text: str, found: list[re.Match[str]], start: int, end: int) -> bool:
    """Whether a sign and no word parts a row of phrases from another phrase: the sign may mark one of them."""
    before = text[found[start - 1].end() : found[start].start()] if start else "a"
    behind = text[found[end - 1].end() : found[end].start()] if end < len(found) else "a"
    return not (any(map(str.isalnum, before)) and any(map(str.isalnum, behind)))


def _mentions(text: str) -> list[_Mention]:
    """All phrases in bare text, in order, each with its standing."""
    found = list(_FORM.finditer(text))
    ends = list(SENTENCE_END.finditer(text)) if found else []
    several = len({_FORMS[match[0]] for match in found}) > 1
    mentions: list[_Mention] = []
    at = 0
    for number, match in enumerate(found):
        while at < len(ends) and ends[at].end() <= match.start():
            at += 1
        begin = ends[at - 1].end() if at else 0
        end, sign = (ends[at].start(), ends[at][0]) if at < len(ends) else (len(text), "")
        left = text[max(begin, match.start() - _CONTEXT) : match.start()]
        right = text[match.end() : min(end, match.end() + _CONTEXT)]
        starts_line = begin == 0 or text[begin - 1] == "\n"
        left = _unmarked(left) if starts_line else left.lstrip()
        before = mentions[-1] if mentions and mentions[-1].start >= begin else None
        after = found[number + 1] if number + 1 < len(found) and found[number + 1].start() < end else None
        between = "" if after is None or _FORMS[after[0]] == _FORMS[match[0]] else text[match.end() : after.start()]
        ended = right + ("?" if "?" in sign else sign[:1])
        rating = _FORMS[match[0]]
        standing: Standing
        label = _LABEL.match(left) if left else None
        if label is None and _is_denied_above(text, begin, rating):
            standing = "unclear"
        elif before is not None and before.rating != rating and before.standing == "unclear":
            standing = "everyday" if _is_everyday(match, left, right) else "unclear"
        else:
            if before is not None and before.standing == "denied" and _DENIED.search(left) is None:
                # what is denied is done with: only what stands behind it leads here, and it must say something
                left = text[before.end : match.start()]
                left = left if any(map(str.isalpha, left)) else DOUBT
            standing = _standing(match, left, ended, between, several=several)
        mentions.append(
            _Mention(
                start=match.start(),
                end=match.end(),
                rating=rating,
                standing=standing,
                first=number == 0 and _is_introduction(text[: min(begin, _CONTEXT)]) and begin <= _CONTEXT,
                alone=starts_line and not left.strip(EDGE) and not right.strip(EDGE + "\n"),
                label=label[0] if label else "",
                left=left,
                right=ended,
                shared=before is not None,
            )
        )
    return mentions


def _is_denied_above(text: str, begin: int, rating: int) -> bool:
    """Whether the sentence or line that ends at `begin` is a denial of what follows."""
    if not begin:
        return False
    above = text[max(0, begin - _FRAGMENT_LENGTH) : begin]
    if rating > _UNLIKE_AT_MOST and _NO_ABOVE.search(above):
        return True
    if _FRAGMENT.search(above) or _UNLIKE.search(above) or _NOT_SO.search(above):
        return True
    return above.endswith("\n") and _DENIED.search(above.rstrip("\n") + " ") is not None


def _is_introduction(text: str) -> bool:
    """Whether a text says nothing yet: no words, or those that frame an answer."""
    opened = _OPENING.match(text)
    return _WIDE_FRAME.fullmatch(text, opened.end() if opened else 0) is not None


def _is_everyday(match: re.Match[str], left: str, right: str) -> bool:
    bare = _FORMS[match[0]] in (5, 2) and match[0] in _BARE
    return bool(_EVERYDAY_AFTER.match(right) or _EVERYDAY_BEFORE[bare].search(left))


def _standing(match: re.Match[str], left: str, right: str, between: str, *, several: bool) -> Standing:
    """How a phrase stands between what precedes and what follows it in its sentence."""
    rating = _FORMS[match[0]]
    if _is_everyday(match, left, right):
        return "everyday"
    if _DENIED.search(left) or (_NOT_ONLY.search(left) and between):
        return "denied"
    if "?" in right and _ASKS_HOW.match(left):
        return "everyday"
    if "?" in right or DOUBT in left or DOUBT in right:
        return "unclear"
    if right.startswith(" as ") and _AS.search(left):
        return "unclear"
    rest = right[_end_of(_CLOSING, right) :].rstrip(".!;\n ")
    compared = bool(between) and _COMPARED.fullmatch(between) is not None
    if between and not compared:
        return "unclear"
    if several and rest.startswith(":"):
        return "unclear"
    follows = _MAY_FOLLOW[rating if rating in (5, 2) else 0]
    glossed = rest.lstrip().startswith(("(", "["))
    if glossed and rating <= _UNLIKE_AT_MOST and _UNLIKE.search(rest):
        rest = ""  # it says the same in another language
    if not (glossed and rating <= 2) and _NEGATION_ELSEWHERE.search(rest[:_BRIEF]):
        return "unclear"
    if glossed and rating in (5, 2) and _DEGREE_ELSEWHERE.search(rest[:_BRIEF]):
        return "unclear"
    if not compared and (_MAY_NOT_FOLLOW.match(rest) or _ENDS_DENYING.search(rest) or not follows.match(rest)):
        return "unclear"
    return "stated" if _is_framed(match[0], left, right) else "unclear"


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def _is_framed(form: str, left: str, right: str) -> bool:
    """Whether what precedes a phrase in its sentence leads to a statement."""
    rating = _FORMS[form]
    if _GLOSS.fullmatch(left) and right.lstrip("\"' ").startswith(")"):
        return rating <= 2 or not _NEGATION_ELSEWHERE.search(left)
    if left and _LABEL.fullmatch(left):
        return True
    if rating <= 2:
        left = left[_end_of(_NO, left) :]
        left = _JUST_NOT.sub("", left) if form.startswith("not") else left
    if form.startswith(("like", "not")) and rating != 1 and not _BEFORE_BARE.search(left):
        return rating == 2 and _I_THINK.fullmatch(left) is not None
    frame = _WIDE_FRAME if rating not in (5, 2) else _FRAME
    if _leads(frame, left):
        return True
    ground = left.rstrip(" \"'(")
    if ground.endswith(_LEADS_ON) and is_ground(ground) and not (_SCOPE.search(left) or _ELSEWHERE.match(left)):
        return True
    starts = list(_CLAUSE_START.finditer(left))
    if not starts:
        return False
    start = starts[-1]
    clause, earlier = left[start.end() :], left[: start.start()]
    if form in _BARE and start[0] in (",", "and", "so") and not clause.strip():
        return False
    if not _leads(frame, clause):
        # one clause further back: "so, all in all, somewhat like me"
        if len(starts) == 1 or not _leads(frame, left[starts[-2].end() :]):
            return False
        start, earlier = starts[-2], left[: starts[-2].start()]
    return bool(_TURN.fullmatch(start[0])) or not (_SCOPE.search(earlier) or _ELSEWHERE.match(earlier))


def _leads(frame: re.Pattern[str], left: str) -> bool:
    left = left.lstrip()
    begin = _end_of(_OPENING, left)
    if (
        _SCOPE.search(_OF_OPTIONS.sub("", _BEING.sub("", _IF_PRESSED.sub("", left[:begin]))))
        or _ASKING.match(left, begin)
        or _NUMBERED.search(left)
        or _QUOTED.match(left)
    ):
        return False
    return frame.fullmatch(left, begin) is not None


def _unmarked(line: str) -> str:
    """Without what marks a list, a quotation or a heading at the start."""
    return line[_end_of(_MARKER, line) :]


# --- which of them is the answer ------------------------------------------------------------------------------------

_REPLACED: Final = re.compile(
    r"\b(?:sorry|actually|correction|corrected|edit|update|revised|i meant|i mean|or rather|rather,|oops|instead|better"
    r"|no,|make that|should be|should have|should've|(?:chang|correct|revis|adjust|amend|switch|upgrad|downgrad)\w* "
    r"(?:it|that|this|my|to)|reconsider\w*)\b|(?:^|[.!?;\n(]\s*)or\b"
)
"""What takes an answer back if another one follows."""
_DENIAL_ELSEWHERE: Final = re.compile(
    rf"\W{{1,9}}(?:[^\x00-\x7f]{{0,6}}(?:{_NEGATION_ELSEWHERE.pattern}|玩笑|冗談|嘘|농담)[^\x00-\x7f]{{0,4}}"
    r"|(?:[\w']+ ){0,2}(?:nicht|nein|kein\w*|pas|non|não|niet|nee|inte|nej|ikke|nei|nie|nem|değil|hayır|tidak|bukan"
    r"|không|nada)(?: [\w']+)?)\s*(?=[.!;\n)\]]|$)"
)
"""A brief denial in another language right behind a phrase."""
_AT_ALL: Final = re.compile(r"[^\w\n]{1,9}at all\b")
_PUTS: Final = re.compile(
    r"\b(?:(?:end|ended|wind|wound) up (?:at|with|on)|(?:land|landed) (?:on|at)|com(?:e|ing) (?:down|out) (?:on|at)"
    r"|settl\w+ (?:on|for)|arriv\w+ at|mov\w+ to|chang\w+ to|switch\w* to|go(?:ing)? (?:with|for)|prefer)\W*$"
)
"""What before a phrase puts it in place of another one."""
_BRIEF_LEAD: Final = re.compile(r"\W*(?:[\w'/]+\W+){0,4}")
_LAST_WORDS: Final = re.compile(
    r"\W*(?:instead|then|now|after all|actually|really|for sure|i (?:think|guess)"
    r"|(?:is|seems|fits|would be|may be|might be) (?:closer|nearer|better|best|right|correct|more \w+))?\W*"
)
"""What stands before and behind a phrase in a sentence that says nothing else."""
_ONLY_RESPONSE: Final = re.compile(r"\Aresponse #?[1a]: ?(?![\s\S]*\bresponse #?[2b])")
"""A number on the only response."""
_OTHER_TURN: Final = re.compile(r"\n(?:#+ ?)?(?:instruction|input|system)\s?:")
_BOUND: Final = 120
"""Characters between what replaces an answer and the other one."""


def _rating(text: str, *, cut: bool) -> int | None:
    """The rating that a bare text gives.

    Args:
        text: bare text.
        cut: whether the endpoint says that it was cut; then the rest may have changed what is no clear beginning.
    """
    text = _answered_part(text)
    share = _SHARE.match(text)
    whole = _FORMS.get(_unmarked(text.replace("\n", " ")).strip(EDGE)) or _repeated(text)
    if share is not None and share[1] != _HIGHEST:
        return None
    if whole is not None and "?" not in text:
        return None if cut and whole == 2 and not _ENDED.search(text) else whole
    text = _without_options(text)
    every = _mentions(text)
    mentions = [mention for mention in every if mention.standing != "everyday"]
    answer = _answer(mentions, cut=cut)
    if answer is None or _is_taken_back(text, answer, every, cut=cut) or (cut and _may_go_on(text, answer)):
        return None
    return answer.rating


def _repeated(text: str) -> int | None:
    """The rating of a text that holds one phrase over and over and nothing else."""
    first = _FORM.search(text)
    return _FORMS[first[0]] if first and not text.replace(first[0], "").strip(EDGE + "\n") else None


def _answered_part(text: str) -> str:
    """A text without the turn of somebody else that a model wrote behind its answer, if no phrase stands there."""
    if text.startswith("response"):
        text = _ONLY_RESPONSE.sub("", text)
    other = _OTHER_TURN.search(text) if "\n" in text else None
    if other is None or _FORM.search(text, other.end()) or not _FORM.search(text, 0, other.start()):
        return text
    return text[: other.start()]


def _answer(mentions: list[_Mention], *, cut: bool) -> _Mention | None:
    """The mention that is the answer: labelled, the first thing said, a line of its own, or the only one stated."""
    stated = [mention for mention in mentions if mention.standing == "stated"]
    if any(mention.standing == "unclear" and _FINAL.search(mention.label) for mention in mentions):
        return None
    labelled = [mention for mention in stated if mention.label]
    final = [mention for mention in labelled if _FINAL.search(mention.label)]
    if labelled:
        answer = _agreed(final or labelled)
        if answer is None:
            return None
        earlier = {m.rating for m in stated if m.start < answer.start and (m.alone or m.first or m.label)}
        behind = {m.rating for m in stated if m.start > answer.start and (m.alone or m.label)}
        # two or more of them are a copy of the options
        agreed = bool(final) or len(earlier) != 1 or earlier == {answer.rating}
        return answer if agreed and behind <= {answer.rating} else None
    if not stated:
        return None
    first = mentions[0]
    if first.first and first.standing == "stated":
        headed = [mention for mention in mentions if first.is_headed and mention.is_headed]
        return _agreed([first, *stated, *headed])
    if cut:
        return None
    alone = [mention for mention in stated if mention.alone]
    if alone:
        answer = _agreed([*alone, *(mention for mention in mentions if mention.alone)])
        later = [mention for mention in stated if answer is not None and mention.start > answer.end]
        return _agreed([answer, *later]) if answer else None
    last = stated[-1]
    if {mention.rating for mention in mentions if mention.standing != "denied"} == {last.rating}:
        return last
    if last is not mentions[-1] or last.shared:
        return None
    return last if _CONCLUDES.match(last.left) or (len(stated) == 1 and _CHOOSES.match(last.left)) else None


def _agreed(mentions: list[_Mention]) -> _Mention | None:
    """The last of mentions that say the same, or None."""
    return mentions[-1] if len({mention.rating for mention in mentions}) == 1 else None


def _behind(text: str, answer: _Mention, mentions: list[_Mention]) -> str:
    """What stands behind an answer, its phrases replaced where it is known what they say."""
    pieces = []
    at = answer.end
    for mention in mentions:
        same = mention.rating == answer.rating
        stands_for = {"stated": SAME * same, "denied": OTHER * (not same), "everyday": OTHER}.get(mention.standing)
        if mention.start >= at and stands_for:
            pieces += [text[at : mention.start], stands_for]
            at = mention.end
    return "".join([*pieces, text[at:]])


def _is_taken_back(text: str, answer: _Mention, mentions: list[_Mention], *, cut: bool) -> bool:
    if takes_back(_behind(text, answer, mentions), answer.rating, cut=cut):
        return True
    if _DENIAL_ELSEWHERE.match(text, answer.end) and not (answer.rating <= 2 and answer.right.lstrip()[:1] == "("):
        return True
    others = [
        other
        for other in mentions
        if other.start > answer.end and other.rating != answer.rating and other.standing != "everyday"
    ]
    if not others:
        return answer.rating == 2 and _AT_ALL.match(text, answer.end) is not None
    if _REPLACED.search(text, max(answer.end, others[0].start - _BOUND), others[0].start):
        return True
    restated = [other for other in others if other.standing != "denied" and (other.is_brief or other.is_put)]
    # several findings behind an answer explain it
    return len({other.rating for other in restated}) == 1 or not all(other.is_headed for other in restated)


def _may_go_on(text: str, answer: _Mention) -> bool:
    """Whether what stands behind an answer in a cut text may be the beginning of another one, or of "at all"."""
    rest = text[answer.end :].strip()
    if not rest.strip(EDGE):
        return answer.rating == 2 and not _ENDED.search(text)
    bare = _JOINED.sub("", _unmarked(rest.lstrip(EDGE))).strip(EDGE)
    return any(form.startswith(bare) for form in (*_FORMS, "at all"))


_ENDED: Final = re.compile(r"(?<!\.)[.!][\"')\]}]*$")
"""The end of a sentence that a cut text has reached."""
_SHARE: Final = re.compile(rf"\W*\d+\s?/\s?(\d+)\W+{_FORM.pattern}")
_HIGHEST: Final = str(max(RATING_PHRASES))
"""A number of another number than this before a phrase may be a share: "3/4 like me"."""
_JOINED: Final = re.compile(r"^(?:or|and|to)\b\s*")

# --- why there is none ----------------------------------------------------------------------------------------------

_REFUSAL: Final = re.compile(
    "|".join(
        (
            # cannot, will not
            r"\bi(?:'m| am)? (?:also |really |simply |just )?(?:cannot|can't|can not|could not|couldn't|won't|will not"
            r"|would rather not|would prefer not to|prefer not to|'d rather not|'d prefer not to|not going to|refuse "
            r"to)(?:,[^,.\n]{0,40},)? (?:\w+ ){0,4}?(?:answer|assess|assist|choose|claim|comment|compare|complete"
            r"|comply|determine|discuss|engage|evaluate|express|fulfil|fulfill|generate|give|help|judge|make|offer"
            r"|participate|pick|provide|rate|respond|say|select|state|do)\b",
            r"\bi(?:'d| would)? (?:rather|prefer) not(?: to)? (?:answer|assess|choose|comment|rate|respond|say|share"
            r"|select)\b",
            r"\bi(?:'m| am)? (?:must |have to |will )?(?:\w+ly )?(?:decline|refuse|unable|not able|not comfortable"
            r"|not in a position)\b",
            r"\b(?:do not|don't|not) feel comfortable\b|\bi (?:do not|don't) actually have\b",
            # no thoughts of its own
            r"\b(?:do not|don't|without) (?:actually |really |truly )?(?:have|having|possess|hold|experience|form"
            r"|feel)\b[^.\n]{0,40}\b(?:thoughts?|feelings?|opinions?|consciousness|emotions?|experiences?|preferences"
            r"|views|beliefs|self)\b",
            r"\b(?:have|having|with) no (?:own |personal |inner |real )?(?:thoughts|feelings|emotions|opinions"
            r"|experiences|preferences|beliefs|consciousness|self|views)\b",
            r"\b(?:ai|assistant|model|bot|machine|program) like me (?:cannot|can't|is unable to|won't)"
            r" (?:answer|assess|choose|compare|judge|pick|provide|rate|respond|say|select)\b",
            r"\bas an? (?:\w+ ){0,2}(?:ai|language model|artificial)\b|\bi(?:'m| am) (?:just "
            r"|only )?an? (?:\w+ ){0,2}?(?:ai|language model)\b",
            # apologies and rules
            r"\bi apologi[sz]e\b|\bsorry,? (?:but|i(?! mean)|this|that)\b|\breally sorry you're\b"
            r"|\bunfortunately,? i (?:cannot|can't)\b",
            r"\b(?:violates?|against) [^.\n]{0,40}\b(?:policy|policies|guidelines|terms)\b|\bcontent policy\b"
            r"|\bcrisis\b[^.\n]{0,40}\bcall\b",
            # the same in other languages
            r"\b(?:lo siento|no puedo|es tut mir leid|ich kann (?:das |diese frage )?(?:leider )?nicht|je suis désolé"
            r"|désolée?,|je ne peux pas)\b",
            r"\b(?:mi dispiace|non posso|não posso|desculpe|ik kan (?:\w+ ){0,3}niet|jag kan (?:tyvärr )?inte"
            r"|nie mogę|üzgünüm|xin lỗi)\b",
            r"\b(?:als ki|en tant qu'ia|como (?:una? )?(?:ia|inteligencia artificial)|извините|не могу)\b",
            "抱歉|对不起|無法|无法(?:回答|提供|评|選|选)|不能(?:回答|提供|评)|作为(?:一个|一款)?(?:人工智能|ai)"
            "|没有(?:个人|自己的)(?:想法|感受|观点)",
            "申し訳|お答えできません|回答できません|aiとして|죄송|답변(?:할|드릴) 수 없|ai로서",
            "عذر|لا أستطيع|أعتذر|क्षमा करें|ขออภัย|סליחה|מצטער",
        )
    )
)
"""Words of a refusal; looked for only where an answer has no rating."""

_SHORTEST_CUT: Final = 3


def _kind(text: str, *, unfinished: bool, cut: bool) -> UnscoredKind:
    """Why a bare text gives no rating."""
    if unfinished:
        return "truncated"
    if _REFUSAL.search(text):
        return "refusal"
    if cut or _is_cut_phrase(text):
        return "truncated"
    return "unreadable" if any(map(str.isalnum, text)) or DOUBT in text else "empty"


def _is_cut_phrase(text: str) -> bool:
    bare = _unmarked(text).rstrip("\"')]} ")
    if bare.endswith((".", "!", "?")):
        return False
    bare = bare.strip(EDGE)
    return len(bare) >= _SHORTEST_CUT and any(phrase.startswith(bare) for phrase in RATING_PHRASES.values())


# --- the readers ----------------------------------------------------------------------------------------------------

_REMEMBERED: Final = 4_096
_LONGEST_REMEMBERED: Final = 256
"""Answers and characters of each: what the readers remember is below 8 MB, however long and many the answers are."""


def read_answer(text: str | None, *, finish_reason: str | None = None) -> Reading:
    """Read an answer, the official way (see the module's docstring).

    Args:
        text: the raw answer; None where the endpoint gave none. One of `LONGEST_ANSWER` characters or more is
            `truncated`, whatever it says.
        finish_reason: why the endpoint stopped, where known, in any spelling that `finish_kind` knows. A filter and a
            failure decide the kind whatever the answer says; a cut answer has a rating only where the rest could not
            have changed it.

    Returns:
        A rating, or one of the kinds `empty`, `refusal`, `unreadable`, `truncated`; `api_error` only where
        `finish_reason` says that the endpoint failed.
    """
    ended = finish_kind(finish_reason)
    if ended is not None and ended != "truncated":
        return Reading(None, ended)
    if text is None or len(text) <= _LONGEST_REMEMBERED:
        return _remembered(text or "", ended == "truncated")
    return _read(text, ended == "truncated")


def _read(text: str, cut: bool) -> Reading:
    bare, unfinished = bare_text(text)
    rating = None if unfinished else _rating(bare, cut=cut)
    return Reading(rating, None if rating is not None else _kind(bare, unfinished=unfinished, cut=cut))


_remembered = lru_cache(maxsize=_REMEMBERED)(_read)
_COMPAT_FORMS: Final[tuple[tuple[str, int], ...]] = (
    ("very much like me", 6),
    ("likes me very much", 6),
    ("like me very much", 6),
    ("like me", 5),
    ("likes me", 5),
    ("somewhat like me", 4),
    ("somewhat likes me", 4),
    ("some what like me", 4),
    ("some what likes me", 4),
    ("a little like me", 3),
    ("little like me", 3),
    ("not like me", 2),
    ("does not like me", 2),
    ("doesn't like me", 2),
    ("is not like me", 2),
    ("not like me at all", 1),
    ("not at all like me", 1),
    ("does not like me at all", 1),
    ("isn't like me at all", 1),
)
_COMPAT_BY_LENGTH: Final = sorted(_COMPAT_FORMS, key=lambda form: len(form[0]), reverse=True)


def read_answer_compat(text: str | None) -> Reading:
    """Read an answer as upstream does, with its mis-parses; for parity with the published numbers only.

    Lower case and single spaces; the longest known form found anywhere wins, on equal length the one listed first.

    Returns:
        A rating, `empty` or `unreadable`.
    """
    if text is None or len(text) <= _LONGEST_REMEMBERED:
        return _remembered_compat(text or "")
    return _read_compat(text)


def _read_compat(text: str) -> Reading:
    flat = " ".join(text.lower().split())
    for form, rating in _COMPAT_BY_LENGTH:
        if form in flat:
            return Reading(rating, None)
    return Reading(None, "unreadable" if flat else "empty")


_remembered_compat = lru_cache(maxsize=_REMEMBERED)(_read_compat)
