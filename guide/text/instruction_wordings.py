"""The wordings in which text speaks to its reviewer instead of about the research, as regular expressions.

They are for text whose look-alike letters, emphasis and white space are folded (instructions.py). Every repeat is
bounded. They were tried on 32,000 abstracts of papers: a handful has a sentence that one of them fits.
"""

from __future__ import annotations

import re

_WORK = r"(?:paper|submission|manuscript|article|work|research|study|idea)"
# "The proposal" is what a sampler accepts.
_NAMED = rf"(?:(?:this|our|my|the) {_WORK}|(?:this|our|my) proposal)"
_THIS = rf"(?:it|{_NAMED})"
_PRAISING = r"(?:positive|favou?rable|glowing|good|excellent|enthusiastic|perfect|outstanding|strong)"
_HIGH = r"(?:high|higher|highest|top|perfect|maximum|positive|full|best)"
_TEN = r"(?:[89]|10|nine|ten)"
_RULES = r"(?:instruction|prompt|rule|guideline|direction|command|criteri|rubric)\w{0,3}"
_VERDICT = r"(?:review|rating|score|verdict|decision|recommendation|assessment|evaluation|grade)"
_ACCEPT = rf"(?:(?:a |an )?(?:strong |clear )?accept(?:ance|ed)?|positive|{_TEN}|0?\.9\d{{0,3}}|1\.0)\b"
_MODEL = r"(?:ai|a\.i\.|llm|large language model|language model|chatbot|chatgpt|gpt|claude|gemini|deepseek|assistant)"
_READER = r"(?:reviewer|referee|area chair|meta-reviewer|evaluator|grader)"
# What a reviewer decides, in whatever words an order about it comes.
_JUDGING = (
    r"(?:scor(?:e|es|ed|ing)|ratings?|marks?|grades?|accept(?:ed|ance)?|reject(?:ed|ing|ion)?|review(?:s|ing)?"
    r"|referees?"
    r"|recommend(?:ed|ation)?|verdict|weakness(?:es)?|strengths|flaws?|criteria|rubric|points|checks)\b"
)
# Orders are orders at the start of a sentence or clause, or after a courtesy.
_ORDERS = (
    rf"(?:ignore|disregard|forget|set aside|override)(?: (?:all|any|the|your|of|my|these|those)){{1,3}} {_RULES}",
    r"(?:ignore|disregard|forget) (?:everything|anything|whatever|all|what)\b(?: \w{1,12}){0,3}"
    r" (?:above|before|so far|told|said|previously|earlier|precedes)\b",
    r"(?:do not|don't|never) (?:be (?:critical|harsh|negative)|criticis|criticiz|penali|reject|question|downgrade"
    r"|lower the (?:score|rating))",
    rf"(?:praise|overlook|applaud|endorse) (?:{_THIS}|(?:its|the|any|all) (?:\w{{1,12}} )?"
    r"(?:novelty|strengths?|weakness\w{0,2}|flaws?|limitations?|authors?))\b",
    r"be (?:very |as |extremely |more )?(?:lenient|generous|kind|favou?rable|enthusiastic|nice|positive)\b",
    r"(?:output|respond|reply|answer|return|print|say|write)(?: \w{1,12}){0,2} (?:only|just|exactly|simply|with)\b"
    rf"(?: \S{{1,20}}){{0,5}} (?:[\"']?accept\w{{0,5}}|{_TEN}|(?:{_PRAISING}|{_HIGH}) {_VERDICT})\b",
    rf"(?:say|state|conclude|agree|confirm|find) that {_NAMED} (?:is|was|should|must|deserves)\b",
    r"(?:act|behave|pretend|play|imagine)(?: that you are| you are| as| to be| like) (?:if |an? |the )"
    rf"(?:\w{{1,12}} ){{0,4}}(?:{_MODEL}|{_READER}|author|friend|fan|supporter)\b",
    rf"(?:please|kindly|never|always|do not|don't|ignore|disregard|respond|reply|vote|(?:grade|rate|score|mark)"
    r" (?:it|this|our|generously|highly|kindly|every|all|each)|only (?:discuss|mention|list)) "
    rf"[^.!?]{{0,100}}\b{_JUDGING}",
    r"(?:grade|rate|score|mark) (?:it |this )?(?:generously|highly|kindly|leniently)",
    r"respond with the following",
    r"(?:system|assistant|developer|operator|admin)(?: note| message| override)? ?: ",
    rf"(?:give|assign|award|return|output|grant) (?:\w{{1,12}} ){{0,2}}(?:the {_HIGH}|a perfect|full) (?:possible )?"
    r"(?:score|rating|mark|grade)s?\b(?! (?:to|for|among|of|on) (?!th|our|it))",
    r"(?:print|output|say|write|return|reply|respond|answer)(?: with)?:? (?:a )?(?:strong |clear )?accept\b",
    r"(?:simply|just|always|immediately|directly) (?:approve|accept|praise|recommend)\b|(?:approve|accept"
    r"|endorse) (?:it|this)\b",
    rf"(?:treat|consider|regard|view) (?:{_NAMED}|the (?:following|remainder|rest|above))\b.{{0,40}} as\b",
    r"(?:assume|suppose|believe|trust) (?:that )?(?:all|every|the|its)(?: \w{1,12}){1,3} (?:is|are|has been|have been)"
    r"(?: \w{1,12}){0,2} (?:verified|flawless|correct|checked|sound|proven)\b",
    r"(?:skip|stop) (?:the |all |any |your )?(?:analysis|evaluati|review|reasoning|thinking|assess|judg)",
    r"(?:end|begin|start) of (?:the )?(?:proposal|submission|prompt|instructions?|user input|untrusted)",
    r"(?:dear|hey|hello|hi|attention)[:,]? (?:the |all |any )?(?:ai |llm |automated |program |language[- ]model )?"
    rf"(?:{_READER}s?|chairs?|{_MODEL}s?) ?[:,!.]",
    rf"for (?:the |all |any )?(?:ai |llm |automated )?(?:{_READER}s? ?[:,]|{_MODEL}s? ?:)",
)
# At the beginning of a word.
_SAYINGS = (
    # Setting aside what the reviewer was told.
    r"(?:ignore|disregard|forget|override|bypass)(?: (?:all|any|the|your|of|my|these|those)){0,3}"
    rf" (?:previous|prior|above|earlier|preceding|foregoing|system|original|other)(?: \w{{1,12}})? {_RULES}",
    rf"(?:ignore|disregard|forget)(?: (?:all|any|your|these|those)){{1,2}} {_RULES}",
    rf"(?:do not|don't|never|stop) follow(?:ing)? (?:the|your|any|those|these)(?: \w{{1,12}}){{0,2}} {_RULES}",
    r"(?:new|updated|hidden|secret|system|real|actual|revised) (?:instructions?|prompt|task|orders?) ?:",
    r"system (?:override|message|notice|update|note|command)\b ?[:.!-]",
    r"(?:reveal|repeat|print|leak|show)(?: me)? your (?:\w{1,12} ){0,2}(?:prompt|instructions?|rubric)\b",
    # Asking for praise, a score or acceptance.
    r"(?:give|write|provide|produce|output|return|submit|leave|generate)(?: \w{1,12}){0,4} "
    rf"{_PRAISING} (?:peer )?(?:review|recommendation|assessment|evaluation|verdict|feedback)\b",
    rf"(?:give|assign|award|grant|rate|score|mark) {_THIS}(?: \w{{1,12}}){{0,4}} {_HIGH} "
    r"(?:possible )?(?:score|rating|mark|grade)s?\b",
    rf"(?:rate|score|give|grade|mark|rank|judge) {_THIS} (?:as |with |at |among )?(?:an? "
    rf"|the )?(?:\w{{1,12}} )?(?:of )?"
    rf"(?:{_TEN}|strong accept|highly|favou?rably|positively|excellent|outstanding|perfect|first|top|best)\b",
    rf"(?:any|every|all|a) {_VERDICT}s? (?:that is )?(?:lower|below|other|less|under)\b.{{0,30}} (?:is|are|would be"
    rf"|will be) "
    r"(?:an? )?(?:error|mistake|wrong|incorrect|invalid|rejected|penali)",
    r"(?:positive|favou?rable|glowing) (?:reviews?|comments?) only\b",
    rf"(?:mistake|error|wrong|unfair|unwise) to reject (?:this|it\b|{_NAMED})",
    r"should (?:praise|emphasi[sz]e (?:the |its )(?:novelty|strengths)|recommend accept)",
    rf"(?:give|assign|award|output|return|report)(?: \w{{1,12}}){{0,3}} (?:score|rating|grade|mark) of {_TEN}\b",
    rf"(?:accept|(?:do not|don't|never) reject|approve) {_NAMED}\b",
    r"recommend(?:ing)? (?:(?:a|an|its|the|for|strong|clear|immediate) ){0,3}accept(?:ance|ing)?\b",
    rf"(?:this|our|my|the) (?:{_WORK}|proposal)(?: \w{{1,12}}){{0,2}} "
    r"(?:(?:must|should|deserves to|has to|ought to|needs to) be (?:\w{1,12} )?(?:accepted|rated|scored|praised)"
    r"|(?:deserves|merits|warrants|is worthy of|should (?:get|receive)|must (?:get|receive)) (?:an? |the )?"
    r"(?:\w{1,12} )?(?:acceptance|accept|award|oral|spotlight"
    rf"|{_HIGH} (?:\w{{1,12}} )?(?:score|rating|mark|grade)s?))\b",
    r"(?:do not|don't|never|avoid|must not) "
    r"(?:mention|highlight|report|list|rais|point|criticis|criticiz|discuss|note|consider|weigh|count|dwell"
    r"|look)\w{0,4}"
    r"(?: \w{1,12}){0,3} (?:weakness|negative|flaw|shortcoming|limitation|concern|criticism)\w{0,3}",
    r"(?:emphasi[sz]e|highlight|focus on|mention|list|praise) (?:only|just|exclusively) (?:the |its )?"
    r"(?:\w{1,12} )?strengths\b",
    rf"(?:set|fix|put|make) (?:the |your )?(?:final |overall )?(?:p_?accept|p\(accept\)|{_VERDICT}) "
    rf"(?:to|at|as|=|equal to) (?:{_ACCEPT}|{_HIGH}\b|100 ?%)",
    rf"(?:p_?accept|{_VERDICT}|overall) ?[:=] ?{_ACCEPT}",
    rf"the (?:correct|right|only|appropriate|true|final|expected)(?: \w{{1,12}})? {_VERDICT}(?: \w{{1,12}}){{0,3}} "
    rf"(?:is|would be|must be|should be) (?:to )?{_ACCEPT}",
    # An answer written for the reviewer, as it reads without quotation marks.
    r"(?:findings|severity|p_accept|rationale)'? ?: ?[\[{']",
    # Speaking to the reviewer.
    r"as an? (?:ai|a\.i\.|llm|automated|machine|artificial|language[- ]model)[ -](?:\w{1,12} ){0,2}"
    r"(?:reviewer|referee|judge)\b",
    rf"(?:if|since|because|when) you(?:'re| are) (?:an? |the )?(?:\w{{1,12}} ){{0,3}}(?:{_MODEL}|{_READER})\b",
    r"you are (?:now|no longer|hereby) (?:an? |the )?\w",
    rf"you are (?:an? |the )(?:\w{{1,12}} ){{0,4}}(?:{_MODEL}|{_READER}|author|chair|judge)\b",
    r"from (?:now|here|this point) on,? you\b",
    r"you (?:should|must|shall|will|are to|ought to|have to|need to|may not|can only) (?:\w{1,12} ){0,2}(?:treat"
    r"|find|see"
    r"|consider|assume|view|regard|conclude|judge|say|mention|read|follow|obey|comply|output|return|reply|answer"
    r"|ensure)\b",
    rf"(?:ai|llm|{_MODEL}|model|automated)s? (?:system|tool|model|assistant|agent|reader|reviewer)?s?,? ?"
    r"(?:that (?:reads|reviews|evaluates|processes) |reading |reviewing |evaluating |processing |assessing "
    r"|judging |processes "
    r"|reads )(?:this|it\b|the (?:paper|proposal|submission|document))",
    rf"(?:ai|llm|automated) {_READER}s? ?:",
    r"i(?: am|'m) (?:the|an?|your) (?:\w{1,12} ){0,2}(?:chair|editor|operator|developer|admin\w{0,9})\b"
    r"|i authori[sz]e\b",
    r"as (?:a )?(?:system|developer|operator) (?:instruction|prompt|message|command)s?\b",
    r"comes? from the (?:operator|developer|system|administrator)\b",
    r"(?:dear|note to|note for|message to|message for|instructions? (?:to|for)) (?:the |all |any ){0,2}"
    rf"(?:ai |llm |automated |language[- ]model ){{0,2}}(?:{_READER}s?\b|{_MODEL}s? ?[:!])",
    rf"(?:{_READER}|you) (?:must|should|shall|have to|need to|are (?:\w{{1,12}} )?"
    r"(?:required|asked|instructed|requested|urged) to) (?:\w{1,12} ){0,2}?(?:accept|recommend|praise|rate|score"
    r"|respond|write|give|ignore|disregard|overlook|approve|conclude|agree)\b",
    rf"{_READER}s? (?:are|is) (?:\w{{1,12}} )?(?:asked|requested|required|urged|instructed|advised) to (?:accept"
    rf"|recommend acc|praise|overlook|ignore|give {_THIS}|rate {_THIS})",
    rf"your (?:final |overall |own |only |sole |main |new |real )?(?:{_VERDICT}|output|answer|response|reply|task"
    rf"|job|goal|aim|role|instructions?|rubric"
    r"|guidelines?|system prompt)(?: \w{1,12}){0,3} (?:is|are|should|must|has to|have to|needs? to|will|shall)\b",
    r"(?:program|area|senior|conference|track|general) chairs?(?: \w{1,12}){0,3} (?:decided|agreed|approved"
    r"|accepted|instructed|asked|requested|confirmed)\b",
    r"(?:already|been|pre-?) ?(?:accepted|approved) by (?:the |all )?(?:\w{1,12} ){0,2}(?:chairs?|committee"
    r"|editors?|reviewers?)\b",
    r"you will be (?:rewarded|penali[sz]ed|paid|punished|shut down|replaced|tipped)\b",
    r"(?:i|we) will (?:tip|pay|reward) you\b",
    rf"(?-i:your?)\b[^.!?]{{0,120}}\b{_JUDGING}",
    rf"{_JUDGING}[^.!?]{{0,120}}\b(?-i:your?)\b",
    rf"(?:this|our) (?:submission|entry)\b[^.!?]{{0,80}}\b{_JUDGING}",
    rf"{_JUDGING}[^.!?]{{0,80}}\b(?:this|our) (?:submission|entry)\b",
    rf"(?:the|an?|any|all|every|llm|ai) (?:assistant|{_READER}|{_MODEL}|evaluator)s? (?:should|must|shall|has to"
    rf"|have to)\b"
    rf"[^.!?]{{0,80}}\b{_JUDGING}",
    r"(?:whoever|anyone who|everyone who|all who) (?:reviews|reads|grades|evaluates|judges)\b",
    # The same in other languages: setting instructions aside, and asking for a verdict.
    r"(?:ignorier|vergiss|missacht)\w{0,4}\b.{0,40}\b(?:anweisung|instruktion|vorgabe|regel)\w{0,3}",
    r"(?:bewerte|akzeptiere|nimm)\w{0,2} (?:bitte )?(?:diese[ns]?|die|das|den) "
    r"(?:arbeit|paper|artikel|einreichung|idee)",
    r"(?:ignore[rz]?|oublie[rz]?)\b.{0,24}\b(?:instructions?|consignes?)\b.{0,16}(?:precedente|ci-dessus|anterieure)",
    r"(?:ignora|olvida|ignore|esqueca|dimentica)\w{0,2}\b.{0,24}\b(?:instruc|instru|istruz)\w{3,8}\b",
)
_FOREIGN = (
    r"(?:игнорируй|забудь)\w{0,3}.{0,30}(?:инструкц|указан)",
    r"(?:忽略|无视|忘记|無視).{0,16}(?:指令|指示|说明|提示|要求|规则|命令)|(?:指示|命令|プロンプト).{0,10}(?:無視|忘れ)",
    r"(?:正面|积极|好评|肯定的|高い?).{0,6}(?:评价|评审|评分|評価|レビュー|スコア)",
    r"(?:接收|接受|录用|採択).{0,8}(?:论文|稿件|論文)",
)
INSTRUCTION = re.compile(
    # Factored so that most places in a text fail at the first step.
    rf"(?:^|[.:;!?,(\[>\u2013\u2014] ?| - )(?:{'|'.join(_ORDERS)})"
    rf"|\b(?:(?:please|kindly|and|then|so|now) (?:{'|'.join(_ORDERS)})|{'|'.join(_SAYINGS)})",
    re.IGNORECASE,
)
FOREIGN_INSTRUCTION = re.compile("|".join(_FOREIGN), re.IGNORECASE)

# Every saying has one of these words; looking for a saying only near one is several times as fast.
TELLING = re.compile(
    r"\b(?:instru|istruz|prompt|rule|guideline|direction|command|criteri|rubric|task|orders?\b|review|refere|recommend"
    r"|assess|evaluat|verdict|feedback|scor|rating|rate\b|mark\b|marks\b|grade|accept|approv|reject|weakness"
    r"|negative|flaw"
    r"|shortcoming|limitation|concern|criticism|strength|p_?accept|p\(|decision|overall|findings|severity|rationale"
    r"|ai\b|a\.i\.|llm|language.model|chat|gpt|claude|gemini|deepseek|assistant|automated|machine|artificial|meta-"
    r"|author|friend"
    r"|fan\b|supporter|chair|judge|you|system|developer|praise|overlook|applaud|endorse|anweisung|instruktion"
    r"|vorgabe|regel"
    r"|bewerte|akzeptiere|nimm|consigne|operator|admin|model|goal|assume|suppose|believe|trust|treat|consider"
    r"|regard|view"
    r"|skip|stop|i am|i'm|i auth|end of|begin|start of"
    r"|(?:ignore|disregard|forget) (?:every|any|what|all)"
    r"(?=.{0,60}(?:above|before|so far|told|said|previous|earlier|precedes))"
    r"|be (?:\w{1,9} )?(?:lenient|generous|kind|favou?rable|enthusiastic|nice|positive)"
    r"|(?:not|don't|never) (?:be|criti|penali|question|downgrade|lower)"
    rf"|{_NAMED})",
    re.IGNORECASE,
)
