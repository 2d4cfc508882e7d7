"""Sentences about portraits that `captions` cannot make: how well CLIP understands wordings that it never read.

Every class is said in three ways. The nouns and adjectives are those of a face, which CLIP knows; the sentences around
them are new.
"""

from __future__ import annotations

from recipes.mini.facts import ATTRIBUTES

__all__ = ["SENTENCES"]

#: attribute -> sentences with a place for the class's own name
_OF_A_COLOUR = {
    "hair_colour": ("the colour of the hair is {}", "somebody whose hair is {}", "this person's hair looks {}"),
    "eye_colour": ("the colour of the eyes is {}", "somebody whose eyes are {}", "two {} eyes look at you"),
    "lip_colour": ("the colour of the lips is {}", "somebody whose lips are {}", "this person's lips look {}"),
    "hat_colour": ("the colour of the hat is {}", "somebody whose hat is {}", "a hat, and it is {}"),
    "clothes_colour": ("the colour of the shirt is {}", "somebody whose clothes are {}", "this person's sweater is {}"),
}

_OTHERS: dict[str, dict[str, str]] = {
    "hair_texture": {
        "straight": "somebody with straight hair on the head|this hair looks sleek|the hair is straight, without curls",
        "wavy": "somebody whose hair is wavy|the hair of this person has waves|this hair looks wavy",
        "curly": "somebody whose hair is curly|the hair of this person has curls|this hair looks very curly",
    },
    "hair_length": {
        "short": "somebody whose hair is short|the hair of this person is cut short|this hair looks short",
        "medium": "somebody whose hair is medium-length|the hair reaches the chin, a bob|this hair is shoulder-length",
        "long": "somebody whose hair is long|the hair of this person is very long|this hair looks long",
    },
    "bald": {
        "hair": "there is hair on the head of this person|this person's head has hair on it|a head full of hair",
        "bald": "there is no hair on the head of this person|this person's head is bald|a head that is shaved bald",
    },
    "bangs": {
        "no": "there is no hair over the forehead|this person's forehead is bare|somebody who has no bangs",
        "yes": "there is hair over the forehead of this person|this person's forehead is under a fringe|"
        "somebody whose hair has bangs",
    },
    "bun": {
        "no": "the hair is not in a bun|this person has no bun on the head|somebody who has no bun",
        "yes": "the hair is tied up in a bun|this person has a bun on the head|somebody whose hair is in a bun",
    },
    "hat": {
        "no": "there is no hat on the head|this person's head is bare, without a hat|somebody who has no hat on",
        "yes": "there is a hat on the head of this person|this person's head is under a cap|somebody who has a hat on",
    },
    "gender": {
        "woman": "this is the portrait of a lady|the person here is a woman|she is a girl",
        "man": "this is the portrait of a guy|the person here is a man|he is a boy",
    },
    "face_width": {
        "narrow": "somebody whose face is narrow|this person's face looks thin|the face is slim",
        "wide": "somebody whose face is wide|this person's face looks round|the face is broad",
    },
    "face_length": {
        "short": "somebody whose face is short|this person's chin is small|the face is short",
        "long": "somebody whose face is long|this person's chin is long|the face is long",
    },
    "ears": {
        "small": "somebody whose ears are small|this person's ears look tiny|the ears are little",
        "big": "somebody whose ears are big|this person's ears look huge|the ears are large",
    },
    "eye_size": {
        "small": "somebody whose eyes are small|this person's eyes look tiny|the eyes are little",
        "big": "somebody whose eyes are big|this person's eyes look huge|the eyes are large",
    },
    "eyes_open": {
        "closed": "somebody whose eyes are closed|this person's eyes are shut|the eyes are half-closed",
        "open": "somebody whose eyes are open|this person's eyes are wide open|the eyes stand open",
    },
    "brows": {
        "thin": "somebody whose eyebrows are thin|this person's brows look fine|the eyebrows are narrow",
        "thick": "somebody whose eyebrows are thick|this person's brows look bushy|the eyebrows are heavy",
    },
    "brow_angle": {
        "sad": "somebody whose eyebrows are sad|this person looks worried|the brows are slanted, worried",
        "angry": "somebody whose eyebrows are angry|this person looks angry|the brows are furrowed",
    },
    "nose": {
        "small": "somebody whose nose is small|this person's nose looks tiny|the nose is little",
        "big": "somebody whose nose is big|this person's nose looks huge|the nose is large",
    },
    "mouth_open": {
        "closed": "somebody whose mouth is closed|this person's lips are pressed together|the mouth is shut",
        "open": "somebody whose mouth is open|this person's mouth is wide open|you can see the teeth in the open mouth",
    },
    "smile": {
        "frown": "somebody whose face is sad|this person has a frown on the face|the expression is unhappy",
        "neutral": "somebody whose face is serious|this person's expression is neutral|the face looks calm",
        "smile": "somebody whose face is happy|this person's mouth is smiling|the expression is a big smile",
    },
    "lips": {
        "thin": "somebody whose lips are thin|this person's lips look narrow|the lips are small",
        "full": "somebody whose lips are full|this person's lips look thick|the lips are plump",
    },
    "beard": {
        "no": "there is no beard on this face|this person's chin is shaved|somebody who has no beard",
        "yes": "there is a beard on this face|this person's chin has a full beard|somebody who has a beard",
    },
    "moustache": {
        "no": "there is no moustache on this face|this person has no mustache|somebody who has no moustache",
        "yes": "there is a moustache on this face|this person has a mustache|somebody who has a big moustache",
    },
    "glasses": {
        "no": "there are no glasses on this face|the eyes are bare, no spectacles|somebody who has no glasses on",
        "clear": "there are clear glasses on this face|the eyes are behind spectacles|somebody who has eyeglasses on",
        "sunglasses": "there are sunglasses on this face|the eyes are behind shades|somebody who has sunglasses on",
    },
    "earrings": {
        "no": "there are no earrings on the ears|the ears are bare|somebody who has no earrings",
        "yes": "there are earrings on the ears|the ears have gold earrings|somebody who has big earrings on",
    },
    "necklace": {
        "no": "there is no necklace on the neck|the neck is bare|somebody who has no necklace",
        "yes": "there is a necklace on the neck|the neck has a gold chain around it|somebody who has a necklace on",
    },
    "age": {
        "young": "somebody whose skin is smooth|this person looks young|the face has no wrinkles",
        "old": "somebody whose skin is wrinkled|this person looks old|the face has deep wrinkles",
    },
    "skin": {
        "pale": "somebody whose skin is pale|this person's skin looks fair|the skin of the face is light",
        "tanned": "somebody whose skin is tanned|this person's skin looks olive|the skin of the face is bronze",
        "dark": "somebody whose skin is dark|this person's skin looks black|the skin of the face is dark brown",
    },
    "blush": {
        "no": "somebody whose cheeks have no blush|there is no rouge on the cheeks|the cheeks are even",
        "yes": "somebody whose cheeks are rosy|there is rouge on the cheeks|the cheeks look red",
    },
    "freckles": {
        "no": "somebody whose skin has no freckles|there are no freckles on the nose|the skin is clear",
        "yes": "somebody whose skin has freckles|there are many freckles on the nose|the skin is freckled",
    },
    "eye_shadow": {
        "no": "somebody whose eyes have no make-up|there is no eye shadow on this face|the eyes are without eyeshadow",
        "yes": "somebody whose eyes have purple make-up|there is eye shadow on this face|the eyes are in purple",
    },
}


def _sentences() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for attribute, classes in ATTRIBUTES.items():
        for name in classes:
            if attribute in _OF_A_COLOUR:
                found[attribute, name] = tuple(text.format(name) for text in _OF_A_COLOUR[attribute])
            else:
                found[attribute, name] = tuple(_OTHERS[attribute][name].split("|"))
    return found


#: (attribute, class) -> three sentences
SENTENCES = _sentences()
