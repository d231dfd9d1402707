"""Papers as modules: the abstract, and out of it what is contributed, how it works and what was found.

The split is extractive: each sentence gets one role by a linear model over cue words and places, and the roles of an
abstract are chosen together (Viterbi). `docs/modules.md` states how it was judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from guide.corpus.records import Paper
from guide.corpus.sentences import span_sentences

KINDS = ("abstract", "contribution", "method", "experiments")

Role = Literal["background", "contribution", "method", "experiments"]
ROLES: tuple[Role, ...] = ("background", "contribution", "method", "experiments")
Place = Literal["contribution", "method", "experiments", "by role", "introduction", "ignored"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a text and its role; `text[start:end]` is it, without the white space around it."""

    start: int
    end: int
    role: Role


@dataclass(frozen=True, slots=True)
class Module:
    """One part of a paper, of one of `KINDS`."""

    kind: str
    text: str


_CUES = {
    "propose": "propose proposes proposed introduce introduces introducing present presents presented develop develops "
    "developed devise describe describes design designed formulate formalize derive contribute contributes provide "
    "provides release create construct offers advocate extend extends",
    "study": "study studies investigate investigates explore explores analyze analyse examine examines address "
    "addresses addressing aim aims consider considers tackle tackles focus focuses revisit ask question",
    "show": "show shows showing shown demonstrate demonstrates demonstrating demonstrated find finds found observe "
    "reveal reveals confirm confirms validate verify illustrate illustrates indicate indicates report evaluate "
    "evaluated test tested compare compared conduct",
    "trial": "experiment experiments experimental experimentally empirical empirically evaluation evaluations "
    "results result findings extensive comprehensive simulations simulation ablation benchmarks",
    "gain": "outperform outperforms outperforming outperformed achieve achieves achieving achieved improves "
    "improvement improvements superior superiority competitive accuracy baselines significantly effectiveness "
    "surpasses gains faster speedup yields",
    "proof": "prove proves theorem convergence guarantee guarantees bound bounds optimal minimax theoretically",
    "corpora": "datasets dataset benchmark imagenet cifar mnist corpus tasks",
    "contrast": "however although despite unfortunately while yet though nevertheless but",
    "trouble": "challenging challenge challenges remains remain lack lacks limited limitation limitations suffer "
    "suffers difficult fail fails struggle struggles prone costly expensive hard problem problems issue hinders "
    "unclear",
    "custom": "often typically usually commonly generally widely many most existing traditional conventional current "
    "previous prior popular common standard",
    "recent": "recent recently become becomes been increasingly success progress advances years emerged shown",
    "weight": "important crucial essential critical fundamental key central ubiquitous",
    "novel": "novel new first general simple unified",
    "naming": "called dubbed named termed coined",
    "goal": "framework approach method methods algorithm model system architecture",
    "working": "consists comprises uses use utilizes utilize using employ employs leverage leverages leveraging "
    "combines combining incorporates integrates learns trained train trains applies apply computes generates extracts "
    "optimizes optimize minimizes encodes maps adopt operates exploits updates enables enabling",
    "part": "module modules encoder decoder layer layers network loss function objective strategy mechanism component "
    "components stage step steps procedure gradient matrix",
    "order": "first second then finally next",
    "detail": "specifically particular concretely namely",
    "adding": "furthermore moreover additionally also further besides addition",
    "therefore": "thus hence therefore motivated inspired end",
    "open": "code available github https publicly source",
    "outlook": "future implications insights",
    "is": "is are",
    "did": "was were",
    "can": "can may could",
    "unlike": "unlike contrast instead",
}
_GROUPS: dict[str, tuple[str, ...]] = {}
for _name, _words in _CUES.items():
    for _word in _words.split():
        _GROUPS[_word] = (*_GROUPS.get(_word, ()), _name)
# What an author calls the paper; a cue soon after one of these says what the paper does.
_AUTHORS = frozenset(("we", "paper", "work", "article", "here", "our", "study"))
_REACH = 4
_WORD = re.compile(r"[a-z]+")

# Fitted on the dev half of the labels: L2-regularised logistic regression, in hundredths, in the order of `ROLES`.
_FITTED = """
adding:-43,95,-40,-12 after_contrast:95,9,-82,-21 after_proposal:-150,-7,135,22 after_trial:-69,37,-33,65
after_we_propose:-36,-4,31,10 after_we_show:-2,31,-42,13 after_we_study:0,14,-1,-13 always:47,-14,29,-61
begin_adding:-12,0,-6,18 begin_contrast:108,-86,-44,23 begin_custom:89,-22,-35,-31 begin_detail:-29,-12,49,-7
begin_gain:0,-17,22,-4 begin_goal:-53,-35,84,4 begin_is:-11,-59,50,20 begin_order:29,16,-12,-33
begin_propose:-26,-21,32,15 begin_recent:11,13,-16,-7 begin_show:-14,19,-38,33 begin_study:21,71,-69,-23
begin_therefore:-18,-63,58,23 begin_trial:-8,-22,-32,61 begin_trouble:26,-17,-5,-3 begin_unlike:7,27,-10,-24
begin_weight:7,-16,15,-5 begin_working:-31,-9,4,37 begins:59,83,-100,-42 can:76,11,-27,-60 contrast:64,2,-73,7
corpora:5,-62,10,46 custom:75,8,-72,-11 detail:-29,-12,49,-7 did:-13,29,-16,-1 digit:-98,57,-45,87
ends:-33,54,-85,64 fifth_0:170,-43,-21,-106 fifth_1:82,-2,-11,-70 fifth_2:-29,14,42,-26 fifth_3:-117,27,41,49
fifth_4:-59,-11,-22,92 gain:1,-57,-74,131 goal:-2,8,-23,18 is:27,27,-17,-37 naming:-12,94,-73,-10
novel:-18,38,42,-62 open:-26,109,3,-86 order:-19,-21,62,-22 our:-28,-16,16,28 paper:-65,157,-78,-14
part:-22,-84,87,19 percent:-4,-43,-21,68 proof:21,8,-96,67 propose:-35,99,45,-108 recent:117,-7,-74,-37
show:54,-38,-107,91 state_of_the_art:-23,23,-60,60 study:-3,29,32,-57 therefore:-46,46,1,-1 trial:-57,-23,-12,92
trouble:8,-5,-20,17 unlike:4,32,-12,-24 we:-180,81,-1,100 we_adding:-2,-18,48,-27 we_can:14,33,-39,-8
we_corpora:-4,1,1,2 we_custom:-27,42,-13,-2 we_gain:3,-17,-30,44 we_goal:-36,62,-19,-7 we_is:-45,119,-73,-1
we_novel:-12,66,-61,6 we_open:-1,41,-17,-23 we_order:-5,-16,-12,33 we_part:4,31,-29,-7 we_proof:-4,-56,-63,124
we_propose:-59,70,-36,25 we_show:-13,-99,26,87 we_study:-14,-26,39,0 we_trial:-3,5,5,-7
we_trouble:-26,76,-12,-39 we_working:-15,-74,41,48 weight:42,-59,33,-16 working:12,30,23,-65
"""
_WEIGHTS: dict[str, tuple[int, ...]] = {
    name.replace("_", " "): tuple(int(weight) for weight in weights.split(","))
    for name, weights in (entry.split(":") for entry in _FITTED.split())
}
# Logarithms of how often the column's role follows the row's, in hundredths, shrunk; the first row is the beginning.
_FOLLOWS: tuple[tuple[int, int, int, int], ...] = (
    (74, 2, -185, -199),
    (67, 19, -217, -231),
    (-148, 12, 63, 17),
    (-218, -91, 96, 51),
    (-221, 0, -130, 107),
)

_HEADING_NUMBER = re.compile(r"^[\s§]*(?:(?:section|appendix)\b)?\s*(?:[0-9]+(?:\.[0-9]+)*|[ivxl]+|[a-z])[.):]?\s+")
# The first that fits decides, so "Related work on evaluation methods" is ignored.
_PLACES: tuple[tuple[Place, re.Pattern[str]], ...] = (
    (
        "ignored",
        re.compile(
            r"related|prior work|previous work|background|preliminar|literature|appendi|supplement|reference"
            r"|bibliograph|acknowledg|funding|ethic|checklist|author contribution|reproducib|broader impact"
            r"|impact statement"
        ),
    ),
    ("introduction", re.compile(r"introduction|motivation|overview of the paper")),
    ("experiments", re.compile(r"experiment|result|evaluat|ablation|empirical|benchmark|case stud|simulation|finding")),
    ("contribution", re.compile(r"contribution")),
    ("method", re.compile(r"method|approach|model|algorithm|architecture|framework|system|training|proposed|theor")),
)


def label_sentences(abstract: str) -> tuple[Sentence, ...]:
    """Give each sentence of an abstract one role.

    Returns:
        Sentences in order, with offsets in characters into `abstract`; together they hold every letter of it. A text
        of white space has none.
    """
    spans = span_sentences(abstract)
    roles = _decode([_scores(features) for features in _features([abstract[start:end] for start, end in spans])])
    return tuple(Sentence(start, end, role) for (start, end), role in zip(spans, roles, strict=True))


def split_modules(paper: Paper) -> tuple[Module, ...]:
    """Split a paper into its modules, in the order of `KINDS`.

    The whole abstract is always one. Each other module holds the abstract's sentences of that role and, of a full text,
    the sections whose heading names it; of an introduction only the contribution sentences count, and under a heading
    that says nothing each sentence goes by its role. A module without a sentence is left out. `find_ignored` tells
    which sections are not used.
    """
    parts: dict[str, list[str]] = {kind: [] for kind in KINDS[1:]}
    _sort(paper.abstract, parts, KINDS[1:])
    for section in paper.sections:
        place = place_section(section.heading)
        if place == "ignored":
            continue
        if place in parts:
            parts[place].append(section.text.strip())
        else:
            _sort(section.text, parts, ("contribution",) if place == "introduction" else KINDS[1:])
    # An introduction often repeats a sentence of the abstract.
    texts = {kind: " ".join(dict.fromkeys(part for part in found if part)) for kind, found in parts.items()}
    return (Module(KINDS[0], paper.abstract), *(Module(kind, text) for kind, text in texts.items() if text))


def place_section(heading: str) -> Place:
    """Tell by its heading to which module a section belongs; "by role" where the heading does not say."""
    name = _HEADING_NUMBER.sub("", heading.lower()) if heading.strip() else ""
    if heading.strip().lower().startswith("appendix"):
        return "ignored"
    return next((place for place, pattern in _PLACES if pattern.search(name)), "by role")


def find_ignored(paper: Paper) -> tuple[str, ...]:
    """Headings of the sections that `split_modules` does not use, in order, for counting and reporting."""
    return tuple(section.heading for section in paper.sections if place_section(section.heading) == "ignored")


def _sort(text: str, parts: dict[str, list[str]], kinds: Iterable[str]) -> None:
    """Append the text's sentences to the modules of their roles, as far as these are wanted."""
    wanted = frozenset(kinds)
    for sentence in label_sentences(text):
        if sentence.role in wanted:
            parts[sentence.role].append(text[sentence.start : sentence.end])


def _features(sentences: list[str]) -> list[set[str]]:
    """Names of what holds for each sentence: cue groups, who does what, and where in the text it stands."""
    found: list[set[str]] = []
    proposed = False
    before: set[str] = set()
    for index, sentence in enumerate(sentences):
        words = _WORD.findall(sentence.lower())
        features = {"always"}
        author = -_REACH - 1
        for at, word in enumerate(words):
            if word in _AUTHORS:
                author = at
                features.add("our" if word == "our" else "we" if word == "we" else "paper")
            for group in _GROUPS.get(word, ()):
                features.add(group)
                if at - author <= _REACH:
                    features.add(f"we {group}")
                if at < 2:
                    features.add(f"begin {group}")
        if any(digit in sentence for digit in "0123456789"):
            features.add("digit")
        if "%" in sentence:
            features.add("percent")
        if "state-of-the-art" in sentence or "SOTA" in sentence:
            features.add("state of the art")
        features.add(f"fifth {5 * index // len(sentences)}")
        if index == 0:
            features.add("begins")
        if index == len(sentences) - 1:
            features.add("ends")
        if proposed:
            features.add("after proposal")
        features.update(f"after {cue}" for cue in before & {"we propose", "trial", "contrast", "we show", "we study"})
        found.append(features)
        proposed = proposed or "we propose" in features
        before = features
    return found


def _scores(features: set[str]) -> list[int]:
    """Sum the weights, role by role."""
    background = contribution = method = experiments = 0
    for feature in features:
        weights = _WEIGHTS.get(feature)
        if weights is not None:
            background += weights[0]
            contribution += weights[1]
            method += weights[2]
            experiments += weights[3]
    return [background, contribution, method, experiments]


def _decode(scores: list[list[int]]) -> list[Role]:
    """Find the roles of the highest sum of scores and transitions (Viterbi); of equals the first in `ROLES`."""
    if not scores:
        return []
    best = [score + _FOLLOWS[0][role] for role, score in enumerate(scores[0])]
    came: list[list[int]] = []
    for row in scores[1:]:
        sources = [max(range(4), key=lambda last: best[last] + _FOLLOWS[last + 1][role]) for role in range(4)]
        best = [best[last] + _FOLLOWS[last + 1][role] + row[role] for role, last in enumerate(sources)]
        came.append(sources)
    path = [max(range(4), key=best.__getitem__)]
    for sources in reversed(came):
        path.append(sources[path[-1]])
    return [ROLES[role] for role in reversed(path)]
