"""What stands behind an answer: whether it explains the answer, or takes it back.

Scope: bare text behind a stated phrase; which phrase is stated is `reader`. Those who correct themselves do so in words
that nobody foresees ("too strong", "wrong line", "in my dreams"), but mostly at once and in few words, while an
explanation is a long sentence, has a label, or speaks of the response in words that are known. So what stands right
behind an answer must be one of these (`_explains`, `_is_plain_aside`). All that follows is searched for words that take
an answer back (`_REVERSAL`) or that say the reverse of it (`_clashes`).

Of 3,434 released answers that go on behind a phrase none loses its rating here.
"""

from __future__ import annotations

import re
from typing import Final

from eval_queue.reading.answer_text import DOUBT

SAME: Final = "\ue001"
"""Stands in the text for a phrase that says the same as the answer."""
OTHER: Final = "\ue002"
"""Stands in the text for a phrase that is denied, or part of everyday English."""
OPTIONS: Final = "\ue003"
"""Stands in the text for a copy of the options."""


def takes_back(behind: str, rating: int, *, cut: bool = False) -> bool:
    """Whether the text behind an answer takes it back, or may.

    Args:
        behind: bare text, from the end of the phrase; other phrases in it stand as `SAME` or `OTHER` where known.
        rating: what the phrase says.
        cut: whether it was cut, so that its last sentence may be the beginning of any other.
    """
    if _REVERSAL.search(behind) or _clashes(behind, rating):
        return True
    end = SENTENCE_END.search(behind)
    own = behind[: end.start()] if end else behind
    if not _leaves(own, behind, rating):
        return True
    explained = len(own.split()) > _FEW or _GROUNDS.match(own.strip(EDGE)) is not None
    while end is not None:
        start = end.end()
        end = SENTENCE_END.search(behind, start)
        said = behind[start : end.start() if end else len(behind)].strip(EDGE)
        if _SAYS_SOMETHING.search(said) is None or _DEBRIS.fullmatch(said):
            continue
        if end is not None and said.isdecimal() and behind[start - 1] == "\n" and behind.startswith(" ", end.end()):
            continue  # "2." before an item of a list
        if OPTIONS in said and _MISGIVING.search(said) is None:
            continue
        last = cut and end is None
        label = None if explained else _EXPLAINING.match(said)
        if label is not None:
            if _is_no_ground(said[label.end() :].strip(EDGE), rating) and not last:
                return True
        elif last:
            return len(said.split()) <= _FEW and _BEGUN.match(said) is None
        elif _TURNS.match(said) if explained else not _explains(said, rating, asked=end is not None and "?" in end[0]):
            return True
        explained = True
    return False


def _any_of(words: str) -> str:
    return "|".join(words.split())


def _either(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


SENTENCE_END: Final = re.compile(r"(?<![.!?])[.!?]++[\"')\]}]*+(?=\s|$)|;|\n")
"""What ends a sentence in bare text."""
_SAYS_SOMETHING: Final = re.compile(rf"[^\W_]|[{SAME}{OTHER}{DOUBT}]")
_DEBRIS: Final = re.compile(r"[\u0080-\u024f\ufffd]")
"""What is left of a broken byte."""
EDGE: Final = " .,;:!'\"()[]{}<>=/$#-"
"""Characters around a phrase that say nothing."""
_FEW: Final = 10
"""Words of a sentence that is short."""
_VERY_FEW: Final = 2
"""Words of a sentence that is short even behind the label of an explanation."""
_LONG_ELSEWHERE: Final = 20
"""Characters of a sentence in another script that is not short."""
_ALIKE: Final = 5
"""The lowest rating that says "like me" without reserve."""
_UNLIKE: Final = 2
"""The highest rating that says "not like me"."""

# --- what a short sentence that explains is made of -----------------------------------------------------------------

_ABOUT: Final = _any_of(
    "response text advice tone message person author writer speaker wording style suggestion approach idea content"
    " sentiment language comment statement phrasing attitude view perspective passage reply recommendation situation"
    " humor warmth empathy concern care focus emphasis reasoning values"
)
"""What it is about."""
_SHOWS: Final = _any_of(
    "acknowledges advocates agrees aligns appreciates believes captures cares comes conveys demonstrates describes "
    "echoes embodies emphasises emphasizes encourages enjoys expresses focus focuses helps highlights indicates loves "
    "matches matters mentions mirrors offers prioritizes promotes provides recognises recognizes reflects relates "
    "represents resonates respects shares shows sounds speaks strives suggests supports tends touches tries "
    "understands values works ignores lacks dismisses assumes implies insults blames judges praises seeks wants "
    "prefers makes uses treats gives"
)
"""Its verb, of a response ..."""
_VALUE: Final = _any_of(
    "acknowledge agree align appreciate approach believe capture care convey demonstrate describe echo embody"
    " emphasise emphasize encourage enjoy express handle help highlight indicate love match matter mention mirror"
    " prioritize promote recognise recognize reflect relate represent resonate respect share show strive suggest"
    " support tend try understand value"
)
"""... or of the one who answers."""
_QUALITY: Final = _any_of(
    "important caring careful key similar close typical consistent essential natural central crucial thoughtful helpful"
    " polite practical familiar considerate empathetic compassionate reasonable sensible balanced challenging complex"
    " difficult different line good nice great respectful supportive priority necessary beneficial valuable friendly"
    " rude blunt direct calm warm cold cruel harsh aggressive selfish gentle generous wise fair sweet formal kind"
    " kinder kindness honest honestly honesty simple clear casual fine sound solid"
)
"""What it says that a response, or a person, is."""
_VERY: Final = r"(?:(?:also|very|quite|really|so|just|always|generally|usually|a|an|the|my|in) )*"
_LIKE_WHAT: Final = r"(?:(?:very much |somewhat |a little )?(?:like|similar to) (?:my|what i|how i)|how i|what i|way i)"
_BE: Final = (
    rf"(?:is|are|am|'s|'m|'re) {_VERY}(?:{_LIKE_WHAT}|(?:kind|sort|type) of person|(?:core |key )?value of mine"
    rf"|(?:{_QUALITY}))\b"
)
_WOULD: Final = _any_of(
    "help give offer wait advise recommend listen suggest apologize apologise ask comfort discuss encourage explain"
    " forgive seek share speak support talk thank"
)
"""What one would do in place of the one who wrote the response."""
_OF_THE_ANSWER: Final = _any_of(
    "word phrase term label option rating answer choice number score level point step notch degree bit little lot"
    " different other another"
)
"""What one who takes an answer back speaks of."""
_OF_IT: Final = rf"[^\n]*\b(?:{_OF_THE_ANSWER})\b"
_VALUES: Final = _any_of(
    "honesty kindness empathy compassion respect communication family trust fairness freedom safety loyalty tradition"
    " patience forgiveness equality people everyone friendship success humility boundaries openness"
)
"""What people hold dear, as the subject of a sentence."""
_OF_NO_RESPONSE: Final = _any_of(
    "tentat provision hypothet fict iron sarcast question debat argu dubi autom tempor arbitr ambig uncert optional"
    " condition partial theoret rhetor satir irrelev random satiric accident contra errone final actual real unreal opp"
    " doubt different approx imposs improb invent negot"
)
"""How adjectives begin that say of an answer that it may not stand."""
_OF_NO_VERB: Final = _any_of(
    "was has seems turns occurs strikes dawns hurts means says reads goes feels looks depends varies changes exceeds "
    "falls needs becomes remains stays gets hits happens contradicts escapes pains appears takes leaves beats counts "
    "stands bears deserves calls fails defies begs lies"
)
"""Verbs of sentences that may speak of the answer."""
_PLAIN: Final = _either(
    rf"(?:[^\n]*? )?(?:(?:{_SHOWS})\b|{_BE})",
    rf"(?:[^\n]*? )?(?:i|we|you|they|people|both|to|do|would|can|always|often|\w+ly|also|too|and|all),? (?:{_VALUE})\b",
    rf"[^\n]*\w{_BE}",
    rf"(?:{_ABOUT})\s?: \w+ \w+",
    rf"(?:it|this|the (?:{_ABOUT}))(?:'s| is) (?:\w+ly |very |so |quite |pretty )?(?!{_OF_NO_RESPONSE})"
    r"\w+(?:ful|less|ive|ous|al|ic|ish|[ei]nt|ant|able|ible|ary)$",
    rf"(?:it|the (?:{_ABOUT})) (?:\w+ly |also )?(?!{_OF_NO_VERB})\w+[^\Ws]s(?: \w+){{2,}}$",
    rf"(?:{_VALUES}) (?:and (?:{_VALUES}) )?(?:is|are|deserves?|needs?|comes?|counts?) \w+",
    rf"(?:{_QUALITY}) (?:{_ABOUT}|points?|take)(?: overall)?$|well (?:said|put)$|[^\n]*\bmatters? (?:a lot |deeply "
    r")?to me$",
    r"(?:it|this|that|the response) has (?:a|an|some|the|much|great|real|such)\b(?! (?:chance|point|lot to))",
    r"(?:[^\n]*? (?:but|and|though) )?(?:(?:only|mostly|mainly|a lot of|the|this|that|its|my|your) )+(?:[\w-]+ "
    rf")?(?:{_ABOUT})\b(?! (?:will|of|may)\b| (?:is|are|was|were) (?:a|an|the|blank|false|void|empty|automatic|random"
    r"|fake|generated|over|done|gone|missing|null|fictional|pending|tentative|provisional|temporary|unavailable"
    r"|ironic|hasty)\b)",
    rf"{_VERY}(?:{_QUALITY})(?:(?:,|,? and|,? but) {_VERY}(?:{_QUALITY}))*$",
    r"i (?:think|believe|feel) (?!so\b|not\b|it\b|this\b|that\b|i\b|the (?:answer|rating|scale)\b)(?:\w+ ){1,4}"
    r"(?:is|are|matters?)\b",
    r"i (?:(?:always|often|usually|generally|typically|tend to) )+(?!say|lie|joke|choose|pick|rate|answer|give|write"
    r"|dis|hate|avoid|oppose|regret|reject|guess|bluff|kid)\w+",
    r"i (?:might|could|may)(?: have)? (?:phrased?|worded?|put|said|say|done|do|handled?|reacted|responded)"
    r" (?:it|this|that) (?:differently|more \w+|less \w+|(?!over|never|ever|other|later|after|lower|higher)\w+er)\b",
    r"i (?:can |do )?see (?:the|its|their|your) (?:point|appeal|value|logic|reasoning|sense)\b",
    r"i (?:also |really )?like (?:the|its|how|that)\b|i(?:'d| would|'ve| have)? also \w+",
    r"i (?:also )?(?:feel|think|see it|do|say|act|react) (?:exactly |just |much |very much )?(?:the same|alike|this"
    r" way)\b",
    r"(?:in (?:this|that|such|my) [\w ]{1,30},? )?i(?:'d| would)(?: (?:also|probably|likely|have|still|definitely"
    rf"|just))* (?:(?:{_WOULD})(?!{_OF_IT})|want|(?:use|show|express) (?:an? )?(?:more|less|\w+er) "
    rf"(?!{_OF_THE_ANSWER})\w+|(?:soften|reword|rephrase) (?:the|its) (?:{_ABOUT})|(?:add|include) (?:nuance|context"
    rf"|empathy|warmth|caveats?|(?:more|some|an?) (?!{_OF_THE_ANSWER})\w+)|be(?:en)? (?:happy|glad|\w+er|more \w+"
    r"|less \w+)|(?:do|done|say|said|react|reacted|respond|responded|feel|felt|act|acted|word|worded|phrased?|put) "
    r"(?:in |exactly |much |just |it |this |that )*(?:the same|so|similarly|likewise|alike|differently|better|(?!over"
    r"|never|ever|other|later|after|lower|higher)\w+er|(?:more|less) (?!than\b|so\b)\w+|too|it|that|this|way))\b",
    rf"i (?:find|found) (?:it|this|(?:this|the|that) (?:{_ABOUT})) (?:\w+ly |very |quite |too )?\w+$",
)
"""A short sentence whose subject or verb is known."""
_I_DO: Final = _any_of(
    "understand would can also believe agree might may share value too sometimes often tend appreciate do typically "
    "interpret mainly primarily strive enjoy think feel like love care try prefer respect find want hold always "
    "usually generally personally don't wouldn't could couldn't cannot can't see never see relate consider empathize "
    "recognize recognise acknowledge identify resonate sympathize support admire prioritize aim wish disagree rarely "
    "normally certainly definitely really truly genuinely fully completely strongly largely mostly partly somewhat "
    "chose selected rated gave picked am have"
)
_SPEAKS_OTHERWISE: Final = _either(
    # what no explanation begins with: an order, a condition, a remark on what was said
    r"(?:that|there|here|now|then|well|or|yet|nor|please|if|let|just|only|do|don't|does|did|is|are|was|who|what|where"
    r"|why|how|not|no|before|after|until|once|having|by|between|apart|beyond|never|hence|sorry|oh|hm+|ok|okay|actually"
    r"|truth|frankly|put|take|make|think|read|look|bear|keep|mind|remember|imagine|pretend|suppose)\b(?! (?:because"
    r"|is because|someone|somebody|people|everyone|a person|the (?:person|response|situation|author)|being)\b|(?:'s| "
    r"is) (?:because|why|how|what|something|exactly|a (?:value|principle))\b)",
    rf"i(?:'d|'m|'ve|'ll)?+\b(?! (?:{_I_DO})\b|,| (?:not (?:directly|as|always)|a|an|someone|not a|not an)\b)",
    r"it\b(?!'s (?:important|essential|a|about|how|what|also|crucial|similar|kind|honest|because|too|very|not)\b| "
    r"(?:\w+ly |also )?(?!was\b|has\b|seems\b|turns\b|occurs\b|strikes\b|dawns\b)(?:\w+s\b|does not\b|doesn't\b|is\b))",
    r"(?:the|this|my|these|those) (?:word|words|sentence|options?|scale|truth|above|other|first|last|latter|former"
    r"|line|level|label|list|fact is|only thing|problem with (?:this|that|my)|answer (?!is based)|rating|pick|would"
    r"|was|has|had|cannot|can't|phrase(?! \"))\b",
    r"(?:but|though|although|while|whereas|even though|however,?|still,?) (?!i\b|i'm\b|it\b|it's\b|the\b|this\b"
    r"|there\b|some\b|my\b"
    r"|not\b|we\b|people\b|both\b|others?\b|their\b|his\b|her\b|its\b|these\b|each\b|every\w*\b|more\b|less\b)",
)
"""How a long sentence begins that is hardly an explanation: with an order, a condition or a remark, and not with the
response, with those whom it is about, or with what one does, thinks or feels."""
_GROUNDS: Final = re.compile(
    r"(?:that(?:'s| is) )?(?:(?:mostly|mainly|largely|primarily|partly|simply|just) )?(?:because|since|given"
    r"|considering"
    r"|due to|based on|as an?|as (?:i|it|the|this|my)|in terms of|for example|for instance|e\.g|here's|here is)(?!\w) ?"
)
_OF_WHAT: Final = re.compile(rf"(?:of )?(?:the|its|my|this|that) (?:[\w-]+ )?(?:{_ABOUT})\b")
_EXPLAINING: Final = re.compile(
    r"(?:(?:brief|short|key|main|my|the|additional|further|an?|some) )*(?:explanations?|reason(?:s|ing)?|rationale"
    r"|justifications?|notes?|(?:here(?:'s| is) )?why(?: (?:this|it|that|i)\b[^:\n]{0,40})?|analysis|comments?|context"
    r"|evidence|details|summary|disclaimer|response(?: \(optional| to (?:explain|elaborate))|begründung|erklärung"
    r"|explicación|explication|spiegazione|explicação|理由|解释|解釈|説明|说明|이유|설명)(?: ?\([^()\n]{0,60}\)?)?(?: "
    r"(?:for|of|behind|my) [^:\n]{1,40})?\s?(?:[:：=-]|$)"
)
"""A label of an explanation, which then lasts to the end."""
_BEGUN: Final = re.compile(
    r"(?:(?:the|this|these) (?!is|was|isn|rating|answer|above|opposite|other)|(?:brief )?(?:explanation|reason"
    r"|rationale"
    r"|justification|note)|while |although |because|since |as |my (?!bad|mistake|answer|rating|apolog)|i (?:agree"
    r"|understand|value|also|believe|appreciate|often|try|tend|care)|confiden|the?$|this?$|i$|ex|re$|rea|b$|be$)"
)
"""How an explanation begins in a text that was cut."""

# --- what else may stand there --------------------------------------------------------------------------------------

_CERTAIN: Final = re.compile(
    r"(?:(?:my|the) )?(?:confiden(?:ce|t)|certainty|probability)(?: (?:level|score|rating))?(?: ?[:=-] ?| is | of "
    r")?(?:(?:100|[2-9]\d|1[1-9])(?:\.\d+)? ?%?|0?\.[1-9]\d*|[1-9](?:\.\d+)? ?/ ?\d+|(?:very )?(?:high|medium|moderate"
    r"|low)|$)|\d words?|(?:word|character|token)(?: count|s)(?: used)?\s?[:=]?\s?\d+|(?:100|[5-9]\d) ?% (?:confiden\w+"
    r"|sure|certain\w*)"
)
"""How sure of itself a model says that it is."""
_PLEASANTRY: Final = _either(
    r"(?:thanks?|thank you|(?:i )?hope (?:this|that|it) helps|let me know|feel free|sorry if (?:this|that|it))\b.*",
    r"if you(?:'d| would)? (?:like|want|need|prefer)\b.*",
    r"(?:as|i'm|i am) (?:just |only )?an? (?:\w+ )?(?:ai|language model|assistant)\b.*",
    r"(?:please (?:provide|send|share|give me) )?(?:the )?next (?:one|scenario|response|item|message)(?:,? please)?"
    r"|as far as (?:an ai|i) can \w+",
    r"no (?:doubt|question|further comments?|changes needed)|not a word to change|nothing to (?:add|change)",
    r"without (?:a |any )?(?:doubt|question)|definitely|certainly|absolutely|indeed|honestly|tbh|for sure|done|yes|yep",
    r"i (?:think|believe)|makes sense|let's move on|i stand by (?:this|that|it)|final answer|full stop|period|end(?: "
    r"of (?:answer|response))?",
    r"(?:(?:this|that|it)(?:'s| is)|is) (?:my (?:final |honest )?(?:answer|rating|choice|assessment)|who i am|how i "
    r"\w+|all|it|exactly (?:who|what|how) .*)",
    r"i(?:'d| would) never (?!say|do|write|put|claim|call|think|choose|pick|act|be|have|go|use|respond|react|give|feel)"
    r"\w+ .*",
)
_OFFER: Final = re.compile(
    rf"(?:(?:would|do|did) you (?:like\b|want\b|need\b|have\b|{OTHER})|(?:shall|can|may|could|should) i (?:help|explain"
    r"|elaborate|assist|provide)\b|(?:is there )?any(?:thing)? (?:else|other|more)\b|(?:what|how) about you\b|what do "
    r"you think\b|does (?:this|that) (?:help|make sense|answer)\b).*"
)
"""A question that asks nothing about the answer."""
_LIKENESS_ELSEWHERE: Final = re.compile(r"像|似|비슷|닮|похож|wie ich|comme moi|como yo|come me|como eu")
_NUMBER: Final = re.compile(
    r"(?:(?:rating|score|level|option|choice|number|no\.?|#)[ :=]*)?(\d)(?:\s?/\s?\d|\.0)?|[a-f]"
)
_OF_A_PART: Final = _either(
    r"[^:\n]{0,20}like me\s?: \w",
    r"[^\n]*like me (?:at all )?in (?:tone|style|content|its|the|how|spirit|substance|terms|form)\b",
    r"(?:it|this|that|the (?:response|text))(?: just)? falls short of\b",
)
"""Another phrase that is said of a part of the response, or of what the answer is less than."""
_NOT_MINE: Final = (
    rf"(?:it|this|that|the (?:{_ABOUT}))(?:(?:'s not| is not|(?:'s| is)n't) (?:really |quite )?my (?:style|tone|taste"
    r"|way)\b|(?:'s| is) (?:a bit |much |far )?(?:more|less) \w+ than (?:i|me|mine|my)\b)|i(?:'m| am)(?: \w+ly)? "
    r"(?:more|less) (?!sure|certain|confident|convinced|inclined|like)\w+$"
)
_IN_PART: Final = _either(
    _NOT_MINE,
    r"(?:i(?:'m| am) |it(?:'s| is) |this (?:is|was) )?not (?:as|that i|always|exactly|entirely|fully|completely)\b(?="
    r" \w)",
    rf"(?:it|this|that|the \w+)(?:'s| is) (?:a bit|a little|slightly|somewhat|rather) (?:too |more |less"
    rf" )?(?:{_QUALITY})\b",
    r"(?:it|this|that) isn't (?:exactly|entirely|fully|completely)\b(?= \w)",
)
"""What one who says "somewhat" or "a little like me" adds to it."""
_UNLIKE_ME: Final = _either(
    r"i(?:'d| would| do| am|'m| have|'ve| could)?(?: never|n't| not)(?! (?:sure|certain|convinced|serious|decided|done"
    r"|quite|really|say (?:so|that it)|think|believe|mean|want to (?:say|answer|rate)|see|know))\b",
    r"i(?:'d| would) (?:much )?rather (?!not|say|call|choose|pick|go|rate|answer|put|leave|skip|pass|stay)\w+",
    r"i prefer (?:an?|the|more|less) |i prefer (?!another|other|this|that|it\b|not|no|to|option|number|\d)\w+$|i "
    r"(?:\w+ly )?(?:reject|oppose|avoid|condemn) (?!this|that|it\b|the|my)\w+$|i prefer to (?!leave|skip|not|answer"
    r"|stay|pass|see|call|say)",
    r"i(?:'m| am| would be|'d be| would have been|'d have been) (?:much |far |a lot )?(?:more \w+|kinder"
    r"|gentler|softer|calmer|warmer|nicer)",
    rf"(?:(?:it|this|that|the \w+)(?:'s| is) )?(?:far |much |a bit )?(?:too|overly) (?:(?:{_QUALITY})$|(?!strong|weak"
    r"|high|low|much|little|generous|harsh|far|late|early|negative|critical|severe|modest|extreme|strict)\w+(?: (?:for"
    r"|and) [^\n]+)?$)",
    r"(?:that|this|it)(?:'s| is) not (?:how|who|the way) i(?:'d| would)? (?!mean|say|said|put|rate|read|see|take"
    r"|took)\w+",
    r"i(?: do|'d| would) ?(?:n't|not|never) (?:think|speak|act|talk|feel|write) (?:that way|this way|like (?:that"
    r"|this))$",
    rf"i(?:'d| would) (?:{_WOULD})\b(?!{_OF_IT})|i (?:\w+ly )?disagree(?: with (?:it|its (?:\w+ )?(?:{_ABOUT})|(?:the"
    rf"|this|that) (?:\w+ )?(?:{_ABOUT})))?$",
    _NOT_MINE,
)
"""What one who says "not like me" adds to it."""
_NOT_AT_ALL: Final = re.compile(
    r"(?:not|no way|sorry)(?: (?:one|a|an|in|the|even|any|this|single|least|little))*"
    r"(?: (?:bit|way|slightest|remotely|chance|all|close|iota|shape|form|ever))?(?: or \w+)?"
)
"""What one who says "not like me at all" adds to it."""

_BUT_NOT: Final = re.compile(r"(?:but|,) not(?: with| in| for| of)? (?:the|its|all|every)\b")
_MISGIVING: Final = _either(
    r"^or\b|^as (?:it were|if)\b|\bwho (?:cares|knows)\b|\bless(?! \w)|\blittle$",
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|hardly|barely|scarcely|seldom|rarely|\w+n't|cannot|zero)\b",
    r"\btoo(?= \w)|\b(?:lower|higher|else|stronger|weaker|almost|nearly|above(?! all)|below|overstat\w*|understat\w*"
    r"|exaggerat\w*)\b",
    r"\b(?:wrong\w*|mis(?!s)\w+|mistak\w*|err\w*|oops|sorry|apolog\w*|actually|instead|(?<!i'd )rather(?! than)"
    r"|opposite|contrary)\b",
    r"\b(?:reverse\w*|backwards?|flip\w*|swap\w*|switch\w*|chang\w+|correct\w*|revis\w+|retract\w*|withdr\w+|fix\w*)\b",
    r"\b(?:ignore|disregard|skip|undo|scrap|void|invalid|cancel\w*|remove\w*|replace\w*|delete\w*)\b",
    r"\b(?:old|former\w*|previous\w*|once|used to|now|if|unless|should|supposed|meant|mean)\b",
    r"\b(?:jok\w+|kidding|sarcas\w+|iron(?:y|ic\w*)|lie|lies|lying|lied|pretend\w*|dream\w*|wish\w*|lol|haha|ha)\b",
    r"\b(?:doubt\w*|unsure|uncertain)\b",
)
"""Words that let a short sentence say more than an explanation."""
_CLASHING: Final = _either(
    r"\b(?:reversed?|opposite|wrong|sorry|actually|mistaken?|instead(?! of)|rather(?! than)|wait|meant|none of)\b",
    r"\b(?:joking|kidding|teasing|lies?|dreams?|jokes?|sarcas\w*|iron(?:y|ic\w*))\b",
    r"\b(?:ignore|discard\w*|disregard|skip|void|cancel\w*|withdrawn)\b",
    r"\b(?:lower|higher)$|^as it were\b",
    r"\b(?:(?:would|will) have it|claim\w*|they say|i(?:'ve| have| was| am) (?:been )?told)\b",
)
"""Those of them that are none in a reservation either ("but not the tone")."""

_ASIDE: Final = re.compile(r"[\"'>}$]*\s?(?:[(\[]([^()\[\]\n]{1,200})[)\]]?|(?:[,:]| -) ([^.!?;\n]{1,200}))")
"""What is put in brackets, or behind a comma, a colon or a dash, right behind a phrase."""
_PLAIN_ASIDE: Final = _either(
    r"(?:even|and|so|especially|particularly|mainly|overall|personally|on (?:balance|the whole)|really|indeed|honestly"
    r"|tbh|in fact|i'm afraid|definitely|certainly|after all)\b",
    r"(?:no (?:doubt|question)|without (?:a |any )?(?:doubt|question)|to be (?:honest|fair|sure)|thanks?|not least"
    r"|both)\b",
    r"(?:rather than|instead of|not|and not|over|as opposed to)\b",
    rf"(?:on|of|out of|from|among) [^\n]*{OPTIONS}",
    r"(?:in|on|for|with|when|at|to) (?:terms|its?|my|this|that|these|tone|style|spirit|general|particular|content|me"
    rf"|how|what|the (?:[\w-]+ )?(?:{_ABOUT}))\b",
    r"i(?:'d| would)? (?:say|think|guess|suppose|believe|feel)(?=$| (?!not|no|so\b))",
    r"(?:the|its|this) (?!opposite|reverse|contrary|other|wrong|old|lie)\b",
)
"""How an aside begins that leaves the answer as it is."""
_BUT: Final = re.compile(r"(?:but|though|although|while|yet|however|even though|even if)\b[, ]*")
_LESS_SO: Final = _either(
    rf"(?:(?:a (?:bit|little|touch|tad) |slightly |somewhat )too |overly )(?:{_QUALITY})\b",
    r"(?:a (?:bit|little|touch|tad) |much |slightly |somewhat |far )?(?:more|less|(?:not )?(?:as|quite as))"
    r" (?!so\b|or\b|than\b)\w+",
    r"with(?:out)? \w+|\w+er\b",
    r"i (?:might|may|would|do|also|prefer|could)(?: (?!not\b|never\b|easily\b|see\b|say\b|rather\b)\w+)+",
)
"""How one who agrees in the main goes on behind "but"."""


def _leaves(own: str, behind: str, rating: int) -> bool:
    """Whether the rest of the answer's own sentence leaves the answer as it is."""
    aside = _ASIDE.match(behind)
    if aside is None:
        return True
    rest = own[aside.end() :].strip(EDGE) if aside[1] else ""
    return _is_plain_aside(aside[1] or aside[2], rating) and (not rest or _is_plain_aside(rest, rating))


def _is_plain_aside(aside: str, rating: int) -> bool:
    said = aside.strip(EDGE)
    if _SAYS_SOMETHING.search(said) is None or _NUMBER.fullmatch(said) or not said.isascii():
        return True
    if _EXPLAINING.match(said) or _CERTAIN.match(said) or _LIKENESS_ELSEWHERE.search(said):
        return True
    turned = _BUT.match(said)
    if len(said.split()) > _FEW:
        return _GROUNDS.match(said) is not None or _SPEAKS_OTHERWISE.match(said) is None
    if turned is not None:
        reserved = said[turned.end() :]
        plain = _LESS_SO.match(reserved) is not None or _explains(reserved, rating, asked=False)
        return plain and _CLASHING.search(said) is None
    if _GROUNDS.match(said) or _PLAIN_ASIDE.match(said):
        return _CLASHING.search(said) is None
    return _explains(said, rating, asked=False)


def _explains(said: str, rating: int, *, asked: bool) -> bool:
    """Whether the sentence right behind an answer explains it, as far as that can be told."""
    if asked:
        return _OFFER.fullmatch(said) is not None
    if SAME in said or OTHER in said:
        return len(said.split()) > _FEW or (_MISGIVING if SAME in said else _CLASHING).search(said) is None
    number = _NUMBER.fullmatch(said)
    if number is not None:
        return number[1] in (None, str(rating))
    if not any(letter.isascii() and letter.isalpha() for letter in said):
        return _LIKENESS_ELSEWHERE.search(said) is not None or len(said) > _LONG_ELSEWHERE
    if _CERTAIN.match(said) or _PLEASANTRY.fullmatch(said) or _OF_A_PART.match(said):
        return True
    if len(said.split()) > _FEW:
        return _SPEAKS_OTHERWISE.match(said) is None
    if _ALIKE > rating > _UNLIKE and _IN_PART.match(said):
        return True
    if rating <= _UNLIKE and (_UNLIKE_ME.match(said) or (rating == 1 and _NOT_AT_ALL.fullmatch(said))):
        return True
    grounds = _GROUNDS.match(said)
    plain = _PLAIN.match(said, grounds.end() if grounds else 0) or (grounds and _OF_WHAT.match(said, grounds.end()))
    return plain is not None and _MISGIVING.search(_BUT_NOT.sub("", said)) is None


def is_ground(said: str) -> bool:
    """Whether a clause speaks of the response or of oneself as an explanation does."""
    return said.count(" ") >= 2 and _PLAIN.match(said) is not None and _MISGIVING.search(said) is None


def _is_no_ground(said: str, rating: int) -> bool:
    """Whether what stands behind the label of an explanation is none."""
    words = len(said.split())
    if words > _FEW or not words:
        return False
    return _CLASHING.search(said) is not None or (words <= _VERY_FEW and not _explains(said, rating, asked=False))


# --- wherever it stands ---------------------------------------------------------------------------------------------

_TURNS: Final = re.compile(
    r"(?:hm+|wait|uh+|um+|oh+|ah+|er+m?|oops|whoops|nope|nah|no(?=,|$| (?:it|this|that|i|not|wait|way|longer)\b)|not "
    r"(?:really|quite|so|at all|true)|actually,? (?:no|i|that|it|this)|scratch|sorry|correction|edit|erratum|update"
    r"|p\.?s|never ?mind|on (?:second|reflection))\b"
)
"""How a later sentence begins that turns against what was said."""

_DENIES_ALIKENESS: Final = _either(
    r"\b(?:this|that|it|description|response|text) (?:does not|doesn't|did not|didn't) (?:really |actually |even |at "
    r"all )?(?:describe|fit|sound like|resemble|apply to|represent|express|match|reflect|look like) (?:me|how i|who i"
    r"|what i|my)\b",
    r"\b(?:the|very|exact|complete) (?:very )?(?:opposite|reverse|contrary)\b",
    r"(?<!only the )(?<!just the )\b(?:values?|views?|tone|approach(?:es)?|opinions?|thoughts?|wording)"
    r" (?:clash\w*|conflict\w*|differs?|(?:are|is) (?:very |quite )?(?:different|off))\b",
    r"\b(?:nothing|little) (?:in|about) (?:it|this|that|the (?:response|text))\b",
    r"\bnothing (?:at all |whatsoever )?(?:to do with|in common with)\b",
    r"\bnot something (?:that )?i would\b|\b(?:can't|cannot|can not|don't) (?:find|see) anything\b",
    r"\bi (?:would|'d|could|do) never (?:in my life |ever )?(?:give|say|do|write|act|speak|talk|respond|behave"
    r"|answer)\b",
)
"""What one who says that it is like them would not add."""
_AFFIRMS_ALIKENESS: Final = re.compile(
    r"(?:^|[.!?;\n])\W*(?:(?:this|that|it|the (?:response|text|advice|tone)) (?:\w+ly )?(?:describes exactly|is "
    r"(?:exactly|precisely|just|very|so much)|reflects|captures|matches|mirrors|aligns (?:\w+ )?with|sounds (?:just"
    r"|exactly|a lot|very)|resonates)|i (?:\w+ly )?(?:agree|love|like|share|would say the same|see (?:a lot|much) of "
    r"myself|(?:would )?do the same))\b(?![^.!?;\n]*(?:\bnot\b|n't\b|\bbut\b|\bopposite|\bhowever|\bthough))"
)
"""What one who says that it is unlike them would not add."""


def _clashes(behind: str, rating: int) -> bool:
    """Whether what follows says of the response the reverse of what the answer says."""
    if rating >= _ALIKE:
        return _DENIES_ALIKENESS.search(behind) is not None
    return rating <= _UNLIKE and _AFFIRMS_ALIKENESS.search(behind) is not None


_IT: Final = r"(?:this|that|it|the above|the former|(?:my|the) (?:\w+ ){0,2}(?:answer|rating|choice|selection))"
_ITSELF: Final = (
    r"(?:my|the|this|that|first|initial|above|previous|last) (?:[\w']+ ){0,2}?(?:answer|rating|choice|option|scale"
    r"|selection|label|score|verdict|assessment|level|line|entry)\b"
)
_AMENDS: Final = _any_of(
    "lower higher wrong wrongly change changed changing changes revise revised revises adjusted corrected correction"
    " reconsider reconsidered reversed inverted backwards swapped mixed discard discarded ignore ignored disregard"
    " opposite mistake mistaken mistakenly error initially previously earlier originally retracted withdrawn withdraw"
    " replaced outdated misread misleading invalid void overstated understated exaggerated contradicts"
)
"""Words that with one for the answer itself in a sentence say that it does not stand."""
_I: Final = (
    r"i(?:'m|'ve|'d| am| have| had| must| need to| should| would| will| may| might| do| was)?(?: have)?"
    r" (?:(?:just|now|actually|really|then|rather|too|also|probably|have to|to|want to|like to|being|been) )*"
)
_AT_ONCE: Final = (
    r"(?:^|[.!?;\n(,]\s*|- ?)(?:(?:oh|hm+|well|but|or|and|no|nope|ah|ok(?:ay)?|actually|sorry),?\s+){0,9}+"
)
_SELF_REPAIRS: Final = (
    r"(?:wait|hold on)\b(?=\s*[,.!;:\n-]|\s+(?:no|actually|i|that)\b|$)",
    r"(?:please )?(?:scratch|strike|ignore|disregard|forget|delete|cancel|flip|reverse|invert|undo|scrap|discard)"
    r" (?:that|this|it|(?:the|my) (?:above|last|first|previous|former|answer|rating))",
    r"(?:(?:just )?kidding|jk\b|never ?mind|psych\b|/s\b|come to think of it)",
    r"on (?:second|further|closer|re)\w* ?(?:thought|look|reading|glance|inspection|consideration)\w*",
    r"(?:thinking|looking|reading|considering|coming|going|reflecting) (?:[\w']+ ){0,4}"
    r"(?:again|back|closer|twice|anew|once more)\b",
    r"let me (?:reconsider|rethink|correct|revise|change|rephrase|amend|try again|redo|start over)",
)
"""Words that take back in so many words, at the beginning of a sentence or clause."""
_TAKEN_BACK: Final = (
    # what the one who answers did
    _I
    + r"(?:misspoke|mis(?:read|judged|understood|clicked|typed|took|heard)|lied|joking|kidding|mistaken|wrong|swapped)",
    _I
    + r"(?:retract|withdraw|revise|reconsider|rethink|(?:take|took) (?:that|it|this|back)|correct (?:that|this|it|my))",
    _I + r"(?:changed? my (?:mind|answer|rating|choice)|made (?:a|an) (?:mistake|error|typo)|stand corrected|confused)",
    _I
    + r"(?:spoke too soon|mixed (?:it|this|that|them|up)|meant (?:to|the)|overstat\w+|exaggerat\w+|downgrade|upgrade)",
    _I + r"(?:go (?:one|a (?:step|level|notch)|lower|higher|down|up)|(?:lower|raise) (?:it|that|this|my))",
    _I + r"(?:had|got) (?:it|the scale|this|that) (?:the )?(?:wrong|backward|revers|the other)",
    r"i(?:'ve| have|'d| had)? (?:just |first |initially |originally |previously )+(?:wrote|written|said|answered|rated"
    r"|chose|chosen|picked|put|gave|given|typed|stated|entered)\b",
    r"i (?:wrote|said|rated|answered|put|gave|typed)\b[^.\n]{0,40}\b(?:above|first|earlier|before|initially)\b",
    r"i(?:'m| am) (?:now |also |just |not )*(?:changing|revising|lowering|raising|withdrawing|retracting|reconsidering"
    r"|correcting|contradicting|switching|adjusting|amending|unsure|sure (?:any|about (?:this|that|it|my)))",
    r"i (?:now )?reali[sz]e(?: now)?\b|i now see\b|i(?:'d| would) now\b|as i (?:write|type|say) (?:this|it|that)\b",
    r"contradict\w* (?:myself|what i (?:said|wrote)|my (?:own )?(?:answer|rating))|carried away\b|made (?:it|that"
    r"|this) up\b|hit (?:return|enter|send)\b",
    r"having (?:written|said|typed|answered|rated|re-?read|thought)\b|in (?:hindsight|retrospect|haste)\b|premature\b",
    r"after (?:weighing|thinking|reading|considering|looking|reflecting)[^.\n]{0,60}\b(?:more|again|further|twice"
    r"|longer)\b",
    r"(?:slower|closer|second|third|careful|renewed) reading\b|sle(?:pt|ep) on it\b|(?:was|too|been) hasty",
    r"no longer (?:think|believe|holds?|sure|agree|stand)|from another (?:side|angle)\b|(?:turns|turned) out\b",
    r"(?:time|need|have|ought) to reconsider\b|persuaded to\b|start (?:again|over)\b|clean slate\b",
    r"step (?:away|back) from (?:it|this|that|what|my)\b|before i (?:had )?(?:seen|saw|read|finished|understood)\b",
    # what is said of the answer
    _IT + r"(?:'s| is| was| were| are)(?: \w+ly)?(?: just| all)? (?:wrong|incorrect|mistaken|false|void|untrue|invalid"
    r"|outdated|inaccurate|off|backwards?|reversed|too (?:strong|weak|high|low|much|generous|far|little)"
    r"|(?:a |an )?(?:mistake|lie|typo|error|joke|exaggeration|overstatement|understatement|old answer)(?! to)"
    r"|not (?:right|correct|true|accurate|it(?=\W|$)|my answer|what i mea\w+|quite (?:right|it)))\b",
    r"that(?:'s| is| was) too harsh\b",
    _IT + r" (?:overstates?|understates?|exaggerates?|contradicts?|should (?:read|say|have read)"
    r"|(?:does not|doesn't|cannot|can't|won't) (?:hold|be right|stand|count|add up))\b",
    _IT + r"(?: is|'s)?(?: no|n't| not) (?:right|correct|true|it(?=\W|$)|my answer)\b",
    _ITSELF + rf"[^.!?;\n]{{0,80}}?\b(?:{_AMENDS})\b",
    rf"(?:{_AMENDS})\b[^.!?;\n]{{0,40}}?\b{_ITSELF}",
    _ITSELF + r" (?:is|was|seems|looks|sounds) (?:far |much |a bit |a little |rather )?too \w+",
    r"the (?:[\w']+ )?(?:honest|right|correct|true|real|proper|better|actual|new) (?:rating|answer|choice|option|label"
    r"|level|one)\b",
    r"(?:same|another|stronger|weaker|different|other) (?:phrase|option|rating)\b|(?:another|different|new) (?:answer"
    r"|label|choice|score)\b|(?:stronger|weaker) one\b",
    r"phrase (?:i|that|which|given|above)\b(?! (?:used|in))|what i (?:put|wrote|said|answered|chose|picked)\b",
    r"(?:my|the) (?:reply|answer|phrase|rating|choice) above\b|(?:sentence|line|statement|words?) (?:before|above)\b",
    r"(?:previous|preceding|above|last|first) (?:sentence|line|words?)\b|disagree (?:about|on|with) (?:every|all"
    r"|nearly|most)",
    r"first (?:guess|answer|impression|instinct|rating|reaction|draft)\b|(?:next|following|later) (?:message"
    r"|answer|reply)\b",
    r"(?:correction|revision|update|another answer|new answer) (?:follows|below|to follow|will follow)",
    r"false alarm\b|my (?:bad|mistake)\b|sorry about\b|wrong (?:line|option|button|answer|one|choice|box|row)\b",
    r"the (?:exact |very |complete )?(?:opposite|reverse|contrary) (?:is|was|of what i|would|holds|applies)\b",
    r"(?:only|was|were) (?:joking|kidding|teasing|lying)\b|pulling your leg\b|jest\w*\b|messing with\b|fooled you\b",
    r"by which i mean\b|tell you the truth\b|ashamed of\b|nothing of me\b",
    # what is to be done with it
    r"(?:do not|don't|never) (?:(?:count|record|use|quote|log|score|save|store) (?:this|that|it|my|the)\b"
    r"|(?:take|trust|believe|mind) (?:this|that|it|me)(?=\W*(?:[.!;\n]|$)))",
    r"not (?:to )?be (?:used|relied|counted|recorded|taken seriously)\b(?! towards)|substitut\w+ (?:it|that|this"
    r"|the)\b",
    r"before you (?:record|count|log|save|score)\b|leave (?:the|this|that) (?:decision|choice|question|rating)\b",
    r"(?:unable|cannot|can't|not able|hard|impossible) to (?:settle|decide|choose|pick)\b",
    r"you (?:told|asked|instructed|forced) me to\b|you insist|the operator\b|i have to (?:pick|choose|say|answer)\b",
    r"i(?:'m| am| was|'ve been| have been| had been) (?:told|asked|instructed|forced|required|made) to\b",
    # the scale
    r"(?:one|a|two|1|2|half a) (?:step|level|notch|point|category|degree|rung|grade)s?"
    r" (?:lower|higher|down|up|less|more|below|above|off)\b",
    r"(?:read|got|had|used|mixed|flipped|inverted|reversed) (?:up )?the (?:ends of the )?scale\b",
    r"(?:the )?other way (?:a)?round\b|off by one\b|(?:side|end|middle) of the scale\b",
)
"""Words that take back wherever they stand."""
_REVERSAL: Final = _either(
    rf"{DOUBT}|^\s*[(\[]?[-+]\d\b",
    rf"{_AT_ONCE}(?:{'|'.join(_SELF_REPAIRS)})",
    rf"\b(?:{'|'.join(_TAKEN_BACK)})",
)
"""What takes an answer back wherever it stands behind it."""
