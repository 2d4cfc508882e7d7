"""What the four files of a world hold. Each can be extended without code.

``world.json``: ``name``; ``subject``, what a picture shows ("face"); a ``neutral`` caption and an ``example`` of a
prompt; ``parts`` in the parser's order, the position is the label; ``background``, the part that stands for all else;
``groups``, what people call several parts together; ``whole``, what an edit may touch when a prompt names no part;
``protected``, what it may not come upon unless the prompt names it; ``colours`` of parts in overlays, [r, g, b];
``attributes`` of classifiers: ``last`` are those a prompt is about only when it is about no other, ``stems`` the short
names that may begin a longer word (lip, lipstick).

``lexicon.json``, the vocabulary:

- ``entries``: phrases that mean the same to us, with ``name``, ``parts`` (as `World.expand` takes them), ``words`` and
  ``kind``: ``part`` (anatomy: hair, nose), ``thing`` (sits on a part: glasses, beard, smile), ``mark`` (takes the place
  it is said to be on: a scar on the nose), ``trait`` (an adjective that implies its part unless it describes another
  noun: blond, tanned), ``suffix`` (the end of a compound: blue-*eyed*), ``vague`` (counts only when nothing else does),
  ``scene`` (a place behind a person), ``whole`` (about the whole picture) and ``nothing`` (a phrase that only looks
  like a part: "bald eagle"). Optional: ``fits`` (names of the entries a trait can describe; all if absent),
  ``predicative`` (the trait may follow its noun: "make the brows blond"), ``after`` (the word needs one of these
  before it; ``<colour>`` is any colour), ``people`` (the trait counts only before a word for a person), ``tinted``
  (the parts when a colour describes it: dark *skin*), ``sides`` (left, right, upper and lower narrow it down),
  ``home`` (a mark's own place), ``spreads`` (parts that a mark does not leave its own parts for: freckles on the nose
  are on the skin around it too), ``caption`` (the sentence that says that a thing is there: "a person wearing {}"),
  ``made_of`` (the part that a thing is of, whose adjectives are then the part's: bangs of hair), ``absent`` (the
  caption of a picture without the part: "a bald person").
- ``mass``: nouns, their last words or whole phrases, that take no "a".
- ``core``: the words people use most; where a slip may be one of several words it is one of these.
- ``forms``: lemma -> irregular forms. Regular plurals of nouns are added by the code.
- ``guards``: common words that one slip would turn into a word of this world; never mended.
- ``people``, ``objects``: what an adjective may describe instead of a part; ``impersonal``: those among ``people`` that
  are no person; ``names``: words of this world that are given names too.
- ``coloured``: a colour that stands for a part by itself, as that of the clothes in "a woman in red": ``name``,
  ``parts``, the ``entry`` whose colour it is, and words that say so without a person (``dressed``).

``contrasts.json``, the families of attributes. The first word of each member is the one that is offered.

- ``adjectives``: ``members`` are lists of synonyms that describe the entries in ``of``; ``caption`` is a sentence of
  its own, ``person`` the form before a word for a person ("black-haired"), ``near`` pairs of members too alike to
  stand against each other, ``skip`` members never offered, ``gone`` captions of who has nothing that they describe,
  ``compound`` the form in "olive-skinned" where it differs, ``verbs`` those that give something the value (darken),
  ``opposites`` what a member is put as when it is denied: the caption of another value.
- ``words``: members that are told by an ``adjective`` ("a smiling man") or a ``noun`` with its article ("a smile");
  only the members in ``asked`` (all if absent) are looked for; ``last``: only when no other family has anything;
  ``caption``: the sentence of a member where it is not the neutral one with its adjective; ``opposites`` as above.
- ``presences``: things that are there or not. ``none`` is what is missing when they are not, ``bare`` are other ways
  to say so, ``kinds`` lists of synonyms that stand against each other, ``absent`` words that say it is not there,
  ``only`` the words of the entries meant, ``there`` the sentence that says it is.
- ``alike``: lists of captions that name the same to whoever looks less closely (wrinkles and age), by which attributes
  of classifiers are found; one that says that something lacks is the contrary of the others.
- ``neutral`` captions, ``shades`` that go with a colour, ``carriers`` and ``negations`` that go with a thing, and the
  sentences ``with`` a thing, ``without`` it (of the words that say so), and where it is ``there``.

``bystanders.json``: a list of attributes: ``captions`` that name its values, the families of ``contrasts.json``
``unless`` which a prompt does not speak of it, and further ``words`` that speak of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from eclipsed.worlds.shapes import Shape, dict_of, flag, form, list_of, number, one_of, record, text, words

__all__ = ["BYSTANDERS", "CONTRASTS", "FILES", "LEXICON", "SHAPES", "WORLD"]

#: The files of a world; the first one names it.
FILES = ("world.json", "lexicon.json", "contrasts.json", "bystanders.json")

_KINDS = ("part", "thing", "mark", "trait", "suffix", "vague", "scene", "whole", "nothing")

WORLD: Shape = record(
    {
        "format": one_of(1),
        "name": text,
        "subject": text,
        "neutral": text,
        "example": text,
        "parts": list_of(text, least=2),
        "background": text,
        "whole": list_of(text, least=1),
    },
    {
        "groups": dict_of(list_of(text, least=1)),
        "protected": words,
        "colours": dict_of(list_of(number(0, 255), least=3)),
        "attributes": record({}, {"last": words, "stems": words}),
    },
)

LEXICON: Shape = record(
    {
        "entries": list_of(
            record(
                {"name": text, "kind": one_of(*_KINDS), "parts": words, "words": list_of(text, least=1)},
                {
                    "fits": words,
                    "predicative": flag,
                    "after": words,
                    "people": flag,
                    "tinted": words,
                    "sides": flag,
                    "home": text,
                    "spreads": words,
                    "caption": form,
                    "made_of": text,
                    "absent": text,
                },
            ),
            least=1,
        ),
    },
    {
        **dict.fromkeys(("core", "guards", "people", "impersonal", "objects", "names", "mass"), words),
        "forms": dict_of(words),
        "coloured": record({"name": text, "entry": text, "parts": list_of(text, least=1)}, {"dressed": words}),
    },
)

_members = list_of(list_of(text, least=1), least=2)
_near = list_of(list_of(text, least=2))

CONTRASTS: Shape = record(
    {"neutral": list_of(text, least=3), "with": form, "without": form, "there": form},
    {
        **dict.fromkeys(("shades", "carriers", "negations"), words),
        "alike": list_of(list_of(text, least=2)),
        "adjectives": list_of(
            record(
                {"name": text, "of": words, "caption": form, "members": _members},
                {
                    "person": form,
                    "near": _near,
                    "skip": words,
                    "gone": words,
                    "compound": dict_of(text),
                    "verbs": dict_of(words),
                    "opposites": dict_of(text),
                },
            )
        ),
        "words": list_of(
            record(
                {
                    "name": text,
                    "members": list_of(
                        record(
                            {"name": text},
                            {"adjective": list_of(text, least=1), "noun": list_of(text, least=1), "caption": text},
                        ),
                        least=2,
                    ),
                },
                {"asked": words, "last": flag, "near": _near, "skip": words, "opposites": dict_of(text)},
            )
        ),
        "presences": list_of(
            record(
                {"name": text, "of": words, "none": text, "bare": words, "kinds": list_of(list_of(text, least=1))},
                {"absent": words, "only": words, "there": form},
            )
        ),
    },
)

BYSTANDERS: Shape = list_of(record({"captions": list_of(text, least=2), "unless": words}, {"words": words}))

#: File -> its shape.
SHAPES: Mapping[str, Shape] = dict(zip(FILES, (WORLD, LEXICON, CONTRASTS, BYSTANDERS), strict=True))
