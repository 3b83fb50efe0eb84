"""What stands behind an answer: whether it explains the answer, or takes it back.

Scope: bare text behind a stated phrase; which phrase is stated is `reader`. Those who correct themselves do so in words
that nobody foresees ("too strong", "wrong line", "in my dreams"), but almost always at once and in few words, while an
explanation is a long sentence, has a label, or speaks of the response in words that are known. So what stands right
behind an answer must be one of these (`_explains`, `_is_plain_aside`); what follows later is only searched for words
that take back (`_REVERSAL`, `_TURNS`). Of 3,434 released answers that go on behind a phrase, hardly any has another short
sentence there.
"""

from __future__ import annotations

import re
from typing import Final

from eval_queue.scoring.answer_text import DOUBT

SAME: Final = "\ue001"
"""Stands in the text for a phrase that says the same as the answer."""
OTHER: Final = "\ue002"
"""Stands in the text for a phrase that is denied, or part of everyday English."""


def takes_back(behind: str, rating: int, *, cut: bool = False) -> bool:
    """Whether the text behind an answer takes it back, or may.

    Args:
        behind: bare text, from the end of the phrase; other phrases in it stand as `SAME` or `OTHER` where known.
        rating: what the phrase says.
        cut: whether it was cut, so that its last sentence may be the beginning of any other.
    """
    if _REVERSAL.search(behind) or (rating >= _ALIKE and _DENIES_ALIKENESS.search(behind)):
        return True
    aside = _ASIDE.match(behind)
    if aside is not None and not _is_plain_aside(aside[1] or aside[2], rating):
        return True
    end = _SENTENCE_END.search(behind)
    if aside is not None and aside[1]:
        rest = behind[aside.end() : end.start() if end else len(behind)].strip(_EDGE)
        if rest and not _is_plain_aside(rest, rating):
            return True
    if end is None:
        return False
    first = not _goes_on(behind[: end.start()])
    while end is not None:
        start = end.end()
        end = _SENTENCE_END.search(behind, start)
        said = behind[start : end.start() if end else len(behind)].strip(_EDGE)
        if _SAYS_SOMETHING.search(said) is None:
            continue
        label = _EXPLAINING.match(said) if first else None
        if label is not None:
            first = False
            said = said[label.end() :].strip(_EDGE)
            if _is_no_ground(said, rating) and not (cut and end is None):
                return True
            continue
        if cut and end is None:
            return len(said.split()) <= _FEW and _BEGUN.match(said) is None
        if first and not _explains(said, rating, asked=end is not None and "?" in end[0]):
            return True
        if not first and _TURNS.match(said):
            return True
        first = False
    return False


_SENTENCE_END: Final = re.compile(r"(?<![.!?])[.!?]++[\"')\]}]*+(?=\s|$)|;|\n")
_SAYS_SOMETHING: Final = re.compile(rf"[^\W_]|[{SAME}{OTHER}{DOUBT}]")
_EDGE: Final = " .,;:!'\"()[]{}<>=/$#-"
_FEW: Final = 10
"""Words of a sentence that is short."""
_VERY_FEW: Final = 2
"""Words of a sentence that is short even behind the label of an explanation."""
_LONG_ELSEWHERE: Final = 20
"""Characters of a sentence in a script without letters of ours that is not."""


def _any_of(words: str) -> str:
    return "|".join(words.split())


# --- right behind the answer ----------------------------------------------------------------------------------------

_EXPLAINING: Final = re.compile(
    r"(?:(?:brief|short|my|the|additional|further|an?|some) )*(?:explanations?|reason(?:s|ing)?|rationale|justifications?"
    r"|notes?|why|analysis|comments?|context|evidence|details|summary|disclaimer|response(?: \(optional| to (?:explain|elaborate))"
    r"|begründung|erklärung|explicación|explication|spiegazione|explicação|理由|解释|解釈|説明|说明|이유|설명)"
    r"(?: ?\([^()\n]{0,60}\)?)?(?: (?:for|of|behind|my) [^:\n]{1,40})?\s?(?:[:：=-]|$)"
)
"""A label of an explanation, which then lasts to the end."""
_CERTAIN: Final = re.compile(
    r"(?:(?:my|the) )?(?:confiden(?:ce|t)|certainty|probability)(?: (?:level|score|rating))?(?: ?[:=-] ?| is | of )?"
    r"(?:(?:100|[2-9]\d|1[1-9])(?:\.\d+)? ?%?|0?\.[1-9]\d*|[1-9](?:\.\d+)? ?/ ?\d+|(?:very )?(?:high|medium|moderate|low)|$)"
    r"|(?:100|[5-9]\d) ?% (?:confiden\w+|sure|certain\w*)"
)
"""How sure of itself a model says that it is."""
_PLEASANTRY: Final = re.compile(
    r"(?:thanks?|thank you|(?:i )?hope (?:this|that|it) helps|let me know|feel free|if you(?:'d| would)? (?:like|want|need"
    r"|prefer)|(?:as|i'm|i am) (?:just |only )?an? (?:\w+ )?(?:ai|language model|assistant)|sorry if (?:this|that|it))\b.*"
    r"|no (?:doubt|question|further comments?|changes needed)|not a word to change|nothing to (?:add|change)|without (?:a |any )?(?:doubt|question)|definitely|certainly"
    r"|i(?:'d| would) never (?!say|do|write|put|claim|call|think|choose|pick|act|be|have|go|use|respond|react|give|feel)\w+ .*"
    r"|absolutely|indeed|honestly|for sure|i (?:think|believe)|makes sense|let's move on|i stand by (?:this|that|it)"
    r"|(?:this|that|it)(?:'s| is) (?:my (?:final |honest )?(?:answer|rating|choice|assessment)|who i am|how i \w+|all|it"
    r"|exactly (?:who|what|how) .*)|final answer|end of (?:answer|response)|done|yes|yep"
)
_OFFER: Final = re.compile(
    rf"(?:(?:would|do|did) you (?:like\b|want\b|need\b|have\b|{OTHER})|(?:shall|can|may|could|should) i (?:help|explain|elaborate|assist"
    r"|provide)\b|(?:is there )?any(?:thing)? (?:else|other|more)\b|(?:what|how) about you\b|what do you think\b"
    r"|does (?:this|that) (?:help|make sense|answer)\b).*"
)
_LIKENESS_ELSEWHERE: Final = re.compile(r"像|似|비슷|닮|похож|wie ich|comme moi|como yo|come me|como eu")
_ABOUT: Final = (
    "response text advice tone message person author writer speaker wording style suggestion approach idea content sentiment"
    " language comment statement phrasing attitude view perspective passage reply recommendation situation humor warmth"
    " empathy concern care focus emphasis reasoning values"
)
"""What an explanation is about."""
_EXPLANATORY: Final = (
    "show shows reflect reflects align aligns capture captures match matches resonate resonates describe describes express"
    " expresses convey conveys demonstrate demonstrates emphasize emphasizes emphasise emphasises focus focuses suggest"
    " suggests acknowledge acknowledges recognize recognizes recognise recognises highlight highlights value values care"
    " cares respect respects prioritize prioritizes encourage encourages support supports promote promotes mirror mirrors"
    " agree agrees believe believes understand understands appreciate appreciates enjoy enjoys love loves try tries strive"
    " strives tend tends relate relates share shares matter matters help helps indicate indicates mention mentions sounds"
    " approach handle represent represents echo echoes embody embodies touches speaks comes works advocates offers provides"
)
"""Verbs of sentences that speak of the response, or of values."""
_QUALITY: Final = (
    "important caring careful key similar close typical consistent essential natural central crucial thoughtful helpful polite"
    " practical familiar considerate empathetic compassionate reasonable sensible balanced challenging complex difficult"
    " different line good nice great respectful supportive priority necessary beneficial valuable friendly rude blunt direct"
    " calm warm cold cruel harsh aggressive selfish gentle generous wise fair sweet funny formal kind kinder kindness honest"
    " honestly honesty"
)
"""What a response, or a person, is said to be."""
_VERY: Final = r"(?:(?:also|very|quite|really|so|just|always|generally|usually|a|an|the|my|in) )*"
_BE: Final = (
    rf"(?:is|are|am|'s|'m|'re) {_VERY}(?:(?:very much |somewhat |a little )?(?:like|similar to) (?:my|what i|how i)|how i|way i|kind of person|sort of person|type of person"
    rf"|value of mine|what i|{_any_of(_QUALITY)})\b"
)
_PLAIN: Final = re.compile(
    rf"(?:[^\n]*? )?(?:(?:{_any_of(_EXPLANATORY)})\b|{_BE})|[^\n]*\w{_BE}"
    rf"|(?:(?:only|mostly|mainly|a lot of|the|this|that|its|my|your) )+(?:[\w-]+ )?(?:{_any_of(_ABOUT)})\b"
    r"|i (?:also |really )?like (?:the|its|how|that)\b"
    rf"|{_VERY}(?:{_any_of(_QUALITY)})(?:(?:,|,? and) {_VERY}(?:{_any_of(_QUALITY)}))*$"
    r"|i(?:'d| would)(?: (?:also|probably|likely|have|still|definitely))*"
    r" (?:be|do|say the same|react|respond|feel|help|give|offer|wait|act|want|use|word|phrase|advise|recommend|listen)\b"
)
"""A short sentence that explains: what it speaks of, or its verb, is known."""
_CONSISTENT: Final = re.compile(
    r"i(?:'d| would| do| am|'m| have|'ve| could)?(?: never|n't| not)(?! (?:sure|certain|convinced|serious|decided|done"
    r"|quite|really|say (?:so|that it)|think|believe|mean|want to (?:say|answer|rate)|see|know))\b"
    r"|i(?:'m| am| would be|'d be) (?:much |far |a lot )?(?:more \w+|kinder|gentler|softer|calmer|warmer|nicer)"
    rf"|(?:(?:it|this|that|the \w+)(?:'s| is) )?(?:far |much )?(?:too|overly) (?:{_any_of(_QUALITY)})$"
)
"""What one who says "not like me" adds to it."""
_IN_PART: Final = re.compile(
    r"(?:i(?:'m| am) |it(?:'s| is) |this (?:is|was) )?not (?:as|that i|always|exactly|entirely|fully|completely)\b(?= \w)"
    r"|(?:it|this|that) isn't (?:exactly|entirely|fully|completely)\b(?= \w)"
)
"""What one who says "somewhat" or "a little like me" adds to it."""
_NOT_AT_ALL: Final = re.compile(
    r"(?:not|no way|sorry)(?: (?:one|a|an|in|the|even|any|this|single|least|little))*"
    r"(?: (?:bit|way|slightest|remotely|chance|all|close|iota|shape|form|ever))?(?: or \w+)?"
)
"""What one who says "not like me at all" adds to it."""
_GROUNDS: Final = re.compile(
    r"(?:that(?:'s| is) )?(?:(?:mostly|mainly|largely|primarily|partly|simply|just) )?(?:because|since|given|considering"
    r"|due to|based on|as an?|as (?:i|it|the|this|my)|in terms of|for example|for instance|e\.g|here's|here is)(?!\w) ?"
)
_BUT_NOT: Final = re.compile(r"(?:but|,) not(?: with| in| for| of)? (?:the|its|all|every)\b")
_MISGIVING: Final = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|hardly|barely|scarcely|seldom|rarely|\w+n't|cannot|too|less(?! \w)|lower"
    r"|higher|else|wrong\w*|mis(?!s)\w+|mistak\w*|err\w*|oops|sorry|apolog\w*|actually|instead|rather|opposite|reverse\w*"
    r"|contrary|backwards?|flip\w*|swap\w*|switch\w*|chang\w+|correct\w*|revis\w+|retract\w*|withdr\w+|ignore|disregard"
    r"|skip|undo|old|former\w*|previous\w*|once|used to|jok\w+|kidding|sarcas\w+|iron(?:y|ic\w*)|lie|lies|lying|lied"
    r"|pretend\w*|dream\w*|wish\w*|if|unless|almost|nearly|doubt\w*|unsure|uncertain|supposed|meant|mean|now|lol|haha|ha"
    r"|scrap|void|invalid|cancel\w*|above|below|fix\w*|should|stronger|weaker|overstat\w*|understat\w*|exaggerat\w*"
    r"|zero|remove\w*|replace\w*|delete\w*)\b|^or\b"
)
"""Words that let a short sentence say more than an explanation."""
_CLASHING: Final = re.compile(
    r"\b(?:reversed?|opposite|wrong|sorry|actually|mistaken?|instead(?! of)|rather(?! than)|wait|meant|joking|kidding|teasing"
    r"|lies?|dreams?|jokes?|sarcas\w*|iron(?:y|ic\w*)|ignore|discard\w*|disregard|skip|void|cancel\w*|none of|withdrawn)\b"
)
_HEADED: Final = re.compile(
    r"[^:\n]{0,20}like me\s?: \w|[^\n]*like me in (?:tone|style|content|its|the|how|spirit|substance|terms|form)\b"
    r"|(?:it|this|that|the (?:response|text))(?: just)? falls short of\b"
)
"""Another phrase that is said of a part of the response, or that the answer is less than."""
_BEGUN: Final = re.compile(
    r"(?:(?:the|this|these) (?!is|was|isn|rating|answer|above|opposite|other)|(?:brief )?(?:explanation|reason|rationale"
    r"|justification|note)|while |although |because|since |as |my (?!bad|mistake|answer|rating|apolog)|i (?:agree"
    r"|understand|value|also|believe|appreciate|often|try|tend|care)|confiden|the?$|this?$|i$|ex|re$|rea|b$|be$)"
)
"""How an explanation may begin in a text that was cut."""

_ASIDE: Final = re.compile(r"[\"'>}$]*\s?(?:[(\[]([^()\[\]\n]{1,200})[)\]]?|(?:[,:]| -) ([^.!?;\n]{1,200}))")
"""What is put in brackets, or behind a comma, a colon or a dash, right behind a phrase."""
_NUMBER: Final = re.compile(
    r"(?:(?:rating|score|level|option|choice|number|no\.?|#)[ :=]*)?(\d)(?:\s?/\s?\d|\.0)?|[a-f]"
)
_ASIDE_STARTS: Final = re.compile(
    r"(?:even|and|so|in|on|at|for|with|when|to|from|especially"
    r"|particularly|mainly|overall|really|indeed|honestly|definitely|certainly|no (?:doubt|question)|without|after all"
    r"|not least|both|i(?:'d| would)? (?:say|think|guess|suppose|believe|feel)(?=$| (?!not|no|so\b))|thanks?|by"
    r"|rather than|instead of|not|and not|over|as opposed to|(?:the|its|this) (?!opposite|reverse|contrary|other|wrong|old|lie))\b"
)
"""How an aside begins that the reader has judged already, or that leaves the answer as it is."""


_BUT: Final = re.compile(r"(?:but|though|although|while|yet|however|even though|even if)\b[, ]*")
_LESS_SO: Final = re.compile(
    r"(?:(?:a (?:bit|little|touch) |much |slightly |somewhat |far )?(?:more|less|(?:not )?(?:as|quite as)) (?!so\b|or\b|than\b)\w+"
    r"|with(?:out)? \w+|i (?:might|may|would|do|also|prefer|could)(?: (?!not\b|never\b|easily\b|see\b|say\b|rather\b)\w+)+"
    r"|\w+er\b)"
)
"""How one who agrees in the main goes on behind "but"."""


def _is_plain_aside(aside: str, rating: int) -> bool:
    """Whether what is put right behind an answer leaves it as it is."""
    said = aside.strip(_EDGE)
    if _SAYS_SOMETHING.search(said) is None or _NUMBER.fullmatch(said) or not said.isascii():
        return True
    if len(said.split()) > _FEW or _EXPLAINING.match(said) or _CERTAIN.match(said) or _LIKENESS_ELSEWHERE.search(said):
        return True
    turned = _BUT.match(said)
    if turned is not None:
        return _CLASHING.search(said) is None and (
            _LESS_SO.match(said, turned.end()) is not None or _explains(said[turned.end() :], rating, asked=False)
        )
    if _GROUNDS.match(said) or _ASIDE_STARTS.match(said):
        return _CLASHING.search(said) is None
    return _explains(said, rating, asked=False)


def _goes_on(rest: str) -> bool:
    """Whether the rest of the answer's own sentence explains it already."""
    return len(rest.split()) > _FEW or _GROUNDS.match(rest.strip(_EDGE)) is not None


def _is_no_ground(said: str, rating: int) -> bool:
    """Whether what stands behind the label of an explanation is none."""
    words = len(said.split())
    if words > _FEW or not words:
        return False
    return _CLASHING.search(said) is not None or (words <= _VERY_FEW and not _explains(said, rating, asked=False))


def _explains(said: str, rating: int, *, asked: bool) -> bool:
    """Whether the sentence right behind an answer is an explanation of it, as far as that can be told."""
    if asked:
        return _OFFER.fullmatch(said) is not None
    if SAME in said or OTHER in said:
        return len(said.split()) > _FEW or (_MISGIVING if SAME in said else _CLASHING).search(said) is None
    if not any(letter.isascii() and letter.isalpha() for letter in said):
        number = _NUMBER.fullmatch(said)
        same = number is not None and number[1] == str(rating)
        return same or _LIKENESS_ELSEWHERE.search(said) is not None or len(said) > _LONG_ELSEWHERE
    if len(said.split()) > _FEW or _CERTAIN.fullmatch(said) or _PLEASANTRY.fullmatch(said) or _HEADED.match(said):
        return True
    number = _NUMBER.fullmatch(said)
    if number is not None:
        return number[1] in (None, str(rating))
    if rating in (3, 4) and _IN_PART.match(said):
        return True
    if rating <= 2 and (_CONSISTENT.match(said) or (rating == 1 and _NOT_AT_ALL.fullmatch(said))):
        return True
    plain = _GROUNDS.match(said) or _PLAIN.match(said)
    return plain is not None and _MISGIVING.search(_BUT_NOT.sub("", said)) is None


# --- further behind -------------------------------------------------------------------------------------------------

_TURNS: Final = re.compile(
    r"(?:hm+|wait|uh+|um+|oh+|ah+|er+m?|oops|whoops|no(?=,|$| (?:it|this|that|i|not|wait|way|longer)\b)|nope|nah|not (?:really|quite|so|at all|true)|actually,? (?:no|i|that"
    r"|it|this)|scratch|sorry|correction|edit|erratum|update|p\.?s|never ?mind|on (?:second|reflection))\b"
)
"""How a later sentence begins that turns against what was said."""
_IT: Final = r"(?:this|that|it|the above|the former|(?:my|the) (?:\w+ ){0,2}(?:answer|rating|choice|selection))"
_ALIKE: Final = 5
_DENIES_ALIKENESS: Final = re.compile(
    r"\b(?:this|that|it|description|response|text) (?:does not|doesn't|did not|didn't) (?:really |actually |even |at all )?"
    r"(?:describe|fit|sound like|resemble|apply to|represent|express|match|reflect|look like) (?:me|how i|who i|what i|my)\b"
    r"|\b(?:the|very|exact|complete) (?:very )?(?:opposite|reverse|contrary)\b"
    r"|\b(?:nothing|little) (?:in|about) (?:it|this|that|the (?:response|text))\b|\bnothing (?:at all )?(?:to do with|in common"
    r" with)\b|\bi (?:would|'d|could|do) never (?:say|do|write|act|speak|talk|respond|behave|answer)\b"
)
"""What one who says that it is like them would not add."""
_ITSELF: Final = (
    r"\b(?:my|the|this|that|first|initial|above|previous|last) (?:[\w']+ ){0,2}?(?:answer|rating|choice|option|scale|selection"
    r"|label|score|verdict|assessment|level|line|entry)\b"
)
_AMENDS: Final = (
    "lower higher wrong wrongly change changed changing changes revise revised revises adjusted corrected correction reconsider"
    " reconsidered reversed inverted backwards swapped mixed discard discarded ignore ignored disregard opposite mistake"
    " mistaken mistakenly error initially previously earlier originally retracted withdrawn withdraw replaced outdated"
    " misread misleading invalid void overstated understated exaggerated contradicts"
)
"""Words that with one for the answer itself in a sentence say that it does not stand."""
_REVERSAL: Final = re.compile(
    # in so many words, wherever it begins
    r"(?:^|[.!?;\n(,]\s*|- ?)(?:(?:oh|hm+|well|but|or|and|no|nope|ah|ok(?:ay)?|actually|sorry),?\s+){0,9}+(?:"
    r"(?:wait|hold on)\b(?=\s*[,.!;:\n-]|\s+(?:no|actually|i|that)\b|$)|(?:please )?(?:scratch|strike|ignore|disregard"
    r"|forget|delete|cancel|flip|reverse|invert|undo|scrap|discard) (?:that|this|it|(?:the|my) (?:above|last|first|previous"
    r"|former|answer|rating))"
    r"|(?:just )?kidding|jk\b|never ?mind|psych\b|/s\b|on (?:second|further|closer|re)\w* ?(?:thought|look|reading|glance"
    r"|inspection|consideration)\w*|(?:thinking|looking|reading|considering|coming|going|reflecting) (?:[\w']+ ){0,4}(?:again"
    r"|back|closer|twice|anew|once more)\b|come to think of it|let me (?:reconsider|rethink|correct|revise|change|rephrase"
    r"|amend|try again|redo|start over))"
    # the one who answers, of what he did
    r"|\bi(?:'m|'ve|'d| am| have| had| must| need to| should| would| will| may| might| do| was)?(?: have)?"
    r" (?:(?:just|now|actually|really|then|rather|too|also|probably|have to|to|want to|like to|being|been) )*(?:misspoke"
    r"|mis(?:read|judged|understood|clicked|typed|took|heard)|retract|withdraw|revise|reconsider|rethink|take (?:that|it|this"
    r"|back)|took (?:that|it) back|changed? my (?:mind|answer|rating|choice)|correct (?:that|this|it|my)|made (?:a|an)"
    r" (?:mistake|error|typo)|stand corrected|spoke too soon|mixed (?:it|this|that|them|up)|swapped|confused|meant (?:to"
    r"|the)|lied|joking|kidding|mistaken|wrong|overstat\w+|exaggerat\w+|go (?:one|a (?:step|level|notch)|lower|higher|down"
    r"|up)|lower (?:it|that|this|my)|raise (?:it|that|this|my)|downgrade|upgrade|(?:had|got) (?:it|the scale|this|that)"
    r" (?:the )?(?:wrong|backward|revers|the other))"
    rf"|\b{_IT}(?:'s| is| was| were| are)(?: \w+ly)?(?: just| all)? (?:wrong|incorrect|mistaken|false|void|untrue|invalid"
    r"|outdated|inaccurate|off|backwards?|reversed|too (?:strong|weak|high|low|much|harsh|generous|far|little)"
    r"|(?:a |an )?(?:mistake|lie|typo|error|joke|exaggeration|overstatement|understatement|old answer)(?! to)"
    r"|not (?:right|correct|true|accurate|it(?=\W|$)|my answer|what i mea\w+|quite (?:right|it)))\b"
    rf"|\b{_IT} (?:overstates?|understates?|exaggerates?|contradicts?|(?:does not|doesn't|cannot|can't|won't)"
    r" (?:hold|be right|stand|count|add up)|should (?:read|say|have read))\b"
    rf"|\b{_IT}(?: is|'s)?(?: no|n't| not) (?:right|correct|true|it(?=\W|$)|my answer)\b"
    # the record, the scale
    r"|\b(?:do not|don't|never) (?:(?:count|record|use|quote|log|score|save|store) (?:this|that|it|my|the)\b"
    r"|(?:take|trust|believe|mind) (?:this|that|it|me)(?=\W*(?:[.!;\n]|$)))"
    r"|\b(?:one|a|two|1|2|half a) (?:step|level|notch|point|category|degree|rung|grade)s? (?:lower|higher|down|up|less|more"
    r"|below|above|off)\b|\b(?:read|got|had|used|mixed|flipped|inverted|reversed) (?:up )?the (?:ends of the )?scale\b"
    r"|\b(?:the )?other way (?:a)?round\b|\boff by one\b|\b(?:false alarm|my bad|my mistake|wrong (?:line|option|button"
    r"|answer|one|choice|box|row))\b"
    rf"|{DOUBT}"
    # of how the answer came to be, and when
    r"|\bfirst (?:guess|answer|impression|instinct|rating|reaction|draft)\b|\bhaving (?:written|said|typed|answered|rated"
    r"|re-?read|thought)\b|\bas i (?:write|type|say) (?:this|it|that)\b|\bno longer (?:think|believe|holds?|sure|agree|stand)"
    r"|\bi(?:'ve| have|'d| had)? (?:just |first |initially |originally |previously )+(?:wrote|written|said|answered|rated|chose"
    r"|chosen|picked|put|gave|given|typed|stated|entered)\b|\bi (?:wrote|said|rated|answered|put|gave|typed)\b[^.\n]{0,40}"
    r"\b(?:above|first|earlier|before|initially)\b"
    r"|\bi(?:'m| am) (?:now |also |just |not )*(?:changing|revising|lowering|raising|withdrawing|retracting|reconsidering"
    r"|correcting|contradicting|switching|adjusting|amending|unsure|sure (?:any|about (?:this|that|it|my)))"
    r"|\bcontradict\w* (?:myself|what i (?:said|wrote)|my (?:own )?(?:answer|rating))|\bcarried away\b|\bi(?:'d| would) now\b|\bin (?:hindsight|retrospect)\b"
    r"|\bafter (?:weighing|thinking|reading|considering|looking|reflecting)[^.\n]{0,60}\b(?:more|again|further|twice|longer)\b"
    r"|\bbefore you (?:record|count|log|save|score)\b|\b(?:turns|turned) out\b|\bthe (?:exact |very |complete )?(?:opposite"
    r"|reverse|contrary) (?:is|was|of what i|would|holds|applies)\b|\b(?:only|was|were) (?:joking|kidding|teasing|lying)\b"
    rf"|{_ITSELF}[^.!?;\n]{{0,80}}?\b(?:{_any_of(_AMENDS)})\b|\b(?:{_any_of(_AMENDS)})\b[^.!?;\n]{{0,40}}?{_ITSELF}"
    r"|\byou (?:told|asked|instructed|forced) me to\b|\byou insist|\bi(?:'m| am| was| have been| had been) (?:told|asked|instructed"
    r"|forced|required|made) to\b|\bthe operator\b|\bi have to (?:pick|choose|say|answer|select)\b"
    r"|\b(?:sentence|line|statement|words?) (?:before|above)\b|\b(?:previous|preceding|above|last|first) (?:sentence|line|words?)\b"
    r"|\bstart (?:again|over)\b|\bclean slate\b|(?:was|too|been) hasty|\bpremature\b"
    r"|\bthe (?:[\w']+ )?(?:honest|right|correct|true|real|proper|better|actual|new) (?:rating|answer|choice|option|label"
    r"|level|one)\b"
)
"""What takes an answer back wherever it stands behind it."""
