"""The words for each class of each attribute of a portrait."""

from __future__ import annotations

from recipes.drawn.captions import Captions, Forms, phrases
from recipes.mini.facts import ATTRIBUTES, facts

__all__ = ["CAPTIONS"]

_SHADES: dict[str, tuple[str, ...]] = {
    "black": ("black", "jet black", "raven", "jet-black"),
    "brown": ("brown", "brunette", "chestnut", "dark brown", "chocolate brown"),
    "auburn": ("auburn", "reddish brown", "mahogany", "copper brown"),
    "red": ("red", "ginger", "orange", "copper"),
    "blond": ("blond", "blonde", "golden", "fair", "yellow", "golden blond", "honey blond", "light blonde"),
    "platinum": ("platinum", "platinum blond", "platinum blonde", "bleached", "very light blond"),
    "grey": ("grey", "gray", "silver", "silver grey", "ash grey"),
    "white": ("white", "snow white", "snowy"),
    "blue": ("blue", "bright blue", "dyed blue"),
    "green": ("green", "bright green", "dyed green"),
    "pink": ("pink", "bright pink", "dyed pink"),
    "purple": ("purple", "violet", "lilac", "dyed purple"),
}

WORDS: dict[tuple[str, str], Forms] = {}


def _say(attribute: str, name: str, **forms: str) -> None:
    WORDS[attribute, name] = phrases(**forms)


for _name, _shades in _SHADES.items():
    _extra = {"blond": "blond|blonde|fair-haired|blond-haired|golden-haired", "red": "ginger|redheaded|red-haired",
              "brown": "brunette|brown-haired|dark-haired", "black": "black-haired|raven-haired|dark-haired",
              "grey": "grey-haired|gray-haired", "white": "white-haired"}  # fmt: skip
    _whole = {"blond": "a blonde|a blond", "red": "a redhead|a ginger", "brown": "a brunette"}
    _say("hair_colour", _name,
         **{"with": "|".join(f"{s} hair" for s in _shades) + f"|hair that is {_name}|hair dyed {_name}",
            "say": f"the hair is {_name}|make the hair {_name}|dye the hair {_name}|{_name} hair"
                   + (f"|{_whole[_name]}" if _name in _whole else ""),
            "be": _extra.get(_name, f"{_name}-haired")})  # fmt: skip
_say("hair_texture", "straight", **{"with": "straight hair|sleek hair|smooth hair|smooth straight hair",
     "be": "straight-haired", "say": "the hair is straight|straighten the hair|straightened hair"})  # fmt: skip
_say("hair_texture", "wavy", **{"with": "wavy hair|waves in the hair|slightly curly hair", "be": "wavy-haired",
     "say": "the hair is wavy"})  # fmt: skip
_say("hair_texture", "curly", **{"with": "curly hair|curls|an afro|frizzy hair|kinky hair|very curly hair|ringlets|"
     "permed hair|tight curls|coily hair", "be": "curly-haired|curly", "say": "the hair is curly|make the hair curly|"
     "curl the hair|a perm"})  # fmt: skip
_say("hair_length", "short", **{"with": "short hair|a short haircut|cropped hair|a crew cut|a buzz cut|a pixie cut|"
     "close-cropped hair|very short hair", "be": "short-haired", "say": "the hair is short|cut the hair short"})  # fmt: skip
_say("hair_length", "medium", **{"with": "medium-length hair|shoulder-length hair|chin-length hair|a bob|medium hair|"
     "a bob cut", "be": "medium-haired"})  # fmt: skip
_say("hair_length", "long", **{"with": "long hair|very long hair|long flowing hair|hair down to the shoulders",
     "be": "long-haired", "say": "the hair is long|make the hair long|make the hair longer"})  # fmt: skip
_say("bald", "hair", **{"with": "hair|a full head of hair|hair on the head", "do": "who has hair|who is not bald"})
_say("bald", "bald", **{"with": "no hair|a bald head|a shaved head|a shaven head|baldness", "be": "bald|hairless",
     "do": "without hair|who is bald|with no hair", "say": "make the person bald|bald"})  # fmt: skip
_say(
    "bangs",
    "no",
    **{"with": "no bangs|no fringe|a bare forehead|an open forehead", "do": "without bangs|without a fringe"},
)
_say("bangs", "yes", **{"with": "bangs|a fringe|hair over the forehead|a full fringe|blunt bangs|straight bangs",
     "do": "who has bangs", "say": "give the person bangs|bangs"})  # fmt: skip
_say("bun", "no", **{"with": "no bun", "do": "without a bun"})
_say("bun", "yes", **{"with": "a bun|a top knot|an updo|hair tied up|hair up in a bun|a hair bun|a man bun",
     "do": "who has a bun"})  # fmt: skip
_say("hat", "no", **{"with": "no hat|a bare head|no cap", "do": "without a hat|not wearing a hat|without a cap"})
_say("hat", "yes", **{"with": "a hat|a hat on|a cap|headwear|a hat on the head|a bowler hat|a fedora|a beanie|a cowboy hat",
     "do": "wearing a hat|wearing a cap|in a hat|who wears a hat|wearing a beanie|wearing a fedora|wearing headwear",
     "say": "put on a hat|a hat"})  # fmt: skip
for _name in ATTRIBUTES["hat_colour"]:
    _say("hat_colour", _name, **{"with": f"a {_name} hat|a {_name} cap|a {_name} hat on",
         "do": f"wearing a {_name} hat|in a {_name} hat|wearing a {_name} cap", "say": f"the hat is {_name}"})  # fmt: skip
_say(
    "gender",
    "woman",
    say="a woman|a female face|a girl|a lady|a photo of a woman|the face of a woman",
    be="female|feminine",
)
_say("gender", "man", say="a man|a male face|a boy|a guy|a photo of a man|the face of a man", be="male|masculine")
_say(
    "face_width",
    "narrow",
    **{"with": "a narrow face|a thin face|a slim face|a slender face", "be": "thin-faced|thin|slim"},
)
_say(
    "face_width",
    "wide",
    **{"with": "a wide face|a round face|a broad face|a chubby face|a fat face", "be": "round-faced|chubby|fat"},
)
_say("face_length", "short", **{"with": "a short face|a short chin|a small chin"})
_say("face_length", "long", **{"with": "a long face|a long chin|a big chin", "be": "long-faced"})
_say("ears", "small", **{"with": "small ears|little ears|tiny ears"})
_say("ears", "big", **{"with": "big ears|large ears|huge ears|protruding ears", "be": "big-eared"})
_say("eye_size", "small", **{"with": "small eyes|little eyes|tiny eyes"})
_say("eye_size", "big", **{"with": "big eyes|large eyes|huge eyes", "be": "big-eyed", "say": "make the eyes bigger"})
_say("eyes_open", "closed", **{"with": "closed eyes|narrow eyes|the eyes closed|eyes shut|half-closed eyes|sleepy eyes|"
     "squinting eyes|narrowed eyes", "be": "squinting|sleepy|sleeping", "do": "who is squinting|with the eyes shut"})  # fmt: skip
_say(
    "eyes_open",
    "open",
    **{"with": "open eyes|the eyes open|wide open eyes|wide eyes|eyes wide open", "be": "wide-eyed|awake"},
)
for _name, _more in (("brown", "dark brown eyes|hazel eyes"), ("blue", "light blue eyes|bright blue eyes"),
                     ("green", "bright green eyes|emerald eyes"), ("grey", "gray eyes|light grey eyes")):  # fmt: skip
    _say("eye_colour", _name, **{"with": f"{_name} eyes|{_name} irises|eyes that are {_name}|{_more}", "be": f"{_name}-eyed",
         "say": f"the eyes are {_name}|make the eyes {_name}|change the eyes to {_name}"})  # fmt: skip
_say("brows", "thin", **{"with": "thin eyebrows|thin brows|fine eyebrows|plucked eyebrows|narrow eyebrows"})
_say("brows", "thick", **{"with": "thick eyebrows|bushy eyebrows|thick brows|bushy brows|heavy eyebrows|strong eyebrows|big eyebrows",
     "be": "thick-browed", "say": "make the eyebrows thicker"})  # fmt: skip
_say(
    "brow_angle",
    "sad",
    **{"with": "sad eyebrows|slanted eyebrows|worried eyebrows|a worried look|raised inner brows", "be": "worried"},
)
_say(
    "brow_angle",
    "angry",
    **{"with": "angry eyebrows|a furrowed brow|furrowed eyebrows|an angry look", "be": "angry|angry-looking"},
)
_say("nose", "small", **{"with": "a small nose|a tiny nose|a little nose|a narrow nose|a thin nose|a button nose"})
_say("nose", "big", **{"with": "a big nose|a large nose|a wide nose|a huge nose|a broad nose|a long nose", "be": "big-nosed",
     "say": "make the nose bigger"})  # fmt: skip
_say("mouth_open", "closed", **{"with": "the mouth closed|a closed mouth|closed lips|the mouth shut|lips pressed together",
     "do": "with the mouth shut|keeping the mouth closed", "say": "close the mouth|the mouth is closed"})  # fmt: skip
_say("mouth_open", "open", **{"with": "the mouth open|an open mouth|the mouth wide open|a wide open mouth|parted lips|visible teeth|"
     "teeth showing|an opened mouth", "be": "open-mouthed|shouting|yawning|screaming|singing|talking|surprised|shocked|gasping",
     "do": "opening the mouth|who is shouting|showing teeth|who is talking", "say": "open the mouth|the mouth is open"})  # fmt: skip
_say("smile", "frown", **{"with": "a frown|a sad mouth|a sad expression|a sad face|an unhappy face|mouth corners turned down|a pout",
     "be": "frowning|sad|unhappy|grumpy|pouting", "do": "who is frowning|who looks sad"})  # fmt: skip
_say(
    "smile",
    "neutral",
    **{"with": "a neutral expression|a serious expression|a straight face|a calm face", "be": "serious|neutral|calm"},
)
_say("smile", "smile", **{"with": "a smile|a big smile|a happy face|a grin|a smile on the face|a happy expression|a broad smile|"
     "a smiling mouth", "be": "smiling|happy|grinning|laughing|cheerful|joyful", "do": "who is smiling|who smiles|who looks happy|"
     "who is happy", "say": "make the person smile|a smile|smile"})  # fmt: skip
_say("lips", "thin", **{"with": "thin lips|narrow lips|small lips"})
_say("lips", "full", **{"with": "full lips|thick lips|plump lips|big lips|plump full lips", "be": "full-lipped"})
_say("lip_colour", "natural", **{"with": "natural lips|no lipstick|bare lips|nude lips|natural lip colour|no make-up on the lips",
     "do": "without lipstick|not wearing lipstick"})  # fmt: skip
for _name, _shade in (("red", "bright red|scarlet|crimson"), ("pink", "bright pink|rose|light pink"),
                      ("plum", "dark|purple|dark purple|burgundy|violet")):  # fmt: skip
    _tones = (_name, *_shade.split("|"))
    _say("lip_colour", _name, **{
        "with": "|".join(f"{t} lips|{t} lipstick" for t in _tones) + f"|lips painted {_name}",
        "do": "|".join(f"wearing {t} lipstick" for t in _tones),
        "say": "|".join(f"{t} lipstick|{t} lips" for t in _tones) + f"|the lips are {_name}|paint the lips {_name}"})  # fmt: skip
_say("beard", "no", **{"with": "no beard|a clean-shaven face|a shaved chin|no facial hair", "be": "clean-shaven|beardless",
     "do": "without a beard|without facial hair"})  # fmt: skip
_say("beard", "yes", **{"with": "a beard|a full beard|facial hair|a thick beard|a goatee|stubble|a bushy beard|whiskers", "be": "bearded|unshaven",
     "do": "who has a beard|wearing a beard", "say": "give him a beard|a beard"})  # fmt: skip
_say("moustache", "no", **{"with": "no moustache|no mustache", "do": "without a moustache|without a mustache"})
_say("moustache", "yes", **{"with": "a moustache|a mustache|a thick moustache|a handlebar moustache|a big mustache",
     "be": "moustached|mustachioed", "do": "who has a moustache", "say": "give him a moustache|a moustache|a mustache"})  # fmt: skip
_say("glasses", "no", **{"with": "no glasses|bare eyes|no eyeglasses|no spectacles", "do": "without glasses|not wearing glasses|without spectacles|"
     "without sunglasses"})  # fmt: skip
_say("glasses", "clear", **{"with": "glasses|eyeglasses|spectacles|clear glasses|reading glasses|a pair of glasses|glasses on",
     "be": "bespectacled", "do": "wearing glasses|in glasses|who wears glasses|wearing spectacles|wearing eyeglasses|"
     "wearing reading glasses", "say": "put on glasses|glasses|eyeglasses"})  # fmt: skip
_say("glasses", "sunglasses", **{"with": "sunglasses|dark glasses|shades|black sunglasses|sun glasses|a pair of sunglasses",
     "do": "wearing sunglasses|in sunglasses|wearing shades|wearing dark glasses", "say": "put on sunglasses|sunglasses"})  # fmt: skip
_say(
    "earrings",
    "no",
    **{"with": "no earrings|bare ears|no ear jewellery", "do": "without earrings|not wearing earrings"},
)
_say("earrings", "yes", **{"with": "earrings|gold earrings|big earrings|ear jewellery|ear jewelry|dangling earrings|hoops|pearl earrings|ear rings",
     "do": "wearing earrings|who wears earrings|wearing gold earrings|wearing hoops", "say": "put on earrings|earrings"})  # fmt: skip
_say("necklace", "no", **{"with": "no necklace|a bare neck", "do": "without a necklace|not wearing a necklace"})
_say("necklace", "yes", **{"with": "a necklace|a gold necklace|a chain|a pearl necklace|a golden chain|a pendant|a gold chain around the neck",
     "do": "wearing a necklace|wearing a chain|wearing pearls|who wears a necklace", "say": "put on a necklace|a necklace"})  # fmt: skip
_say(
    "age",
    "young",
    **{
        "with": "smooth skin|no wrinkles|a young face|youthful skin",
        "be": "young|youthful|young-looking",
        "do": "without wrinkles",
    },
)
_say("age", "old", **{"with": "wrinkles|an old face|wrinkled skin|lines in the face|deep wrinkles|an aged face|crow's feet|forehead lines",
     "be": "old|elderly|aged|wrinkled|older", "say": "an old person with wrinkles|make the person older|an old man|an old woman|a senior|"
     "a grandmother|a grandfather"})  # fmt: skip
_say("skin", "pale", **{"with": "pale skin|light skin|fair skin|white skin|a pale face|very pale skin|a pale complexion|a light complexion",
     "be": "pale|fair-skinned|light-skinned|pale-skinned", "say": "the skin is pale|make the skin lighter"})  # fmt: skip
_say("skin", "tanned", **{"with": "tanned skin|olive skin|medium skin|a tan|light brown skin|sun-tanned skin|bronze skin|a suntan",
     "be": "tanned|olive-skinned|tan", "say": "the skin is tanned"})  # fmt: skip
_say("skin", "dark", **{"with": "dark skin|black skin|brown skin|deep brown skin|a dark complexion|very dark skin|dark brown skin|ebony skin",
     "be": "dark-skinned|black|brown-skinned", "say": "the skin is dark|make the skin darker"})  # fmt: skip
_say("blush", "no", **{"with": "no blush|even cheeks|pale cheeks|no rouge", "do": "without blush"})
_say(
    "blush",
    "yes",
    **{
        "with": "rosy cheeks|red cheeks|blush|pink cheeks|blush on the cheeks|flushed cheeks|rouge",
        "be": "blushing|rosy-cheeked|flushed",
    },
)
_say("freckles", "no", **{"with": "no freckles|clear skin|flawless skin", "do": "without freckles"})
_say("freckles", "yes", **{"with": "freckles|freckled skin|freckles on the nose|freckles on the cheeks|many freckles|spots on the skin",
     "be": "freckled|freckly", "say": "add freckles|freckles"})  # fmt: skip
_say(
    "eye_shadow",
    "no",
    **{
        "with": "no eye shadow|no eyeshadow|no eye make-up|no make-up",
        "do": "without make-up|without eye shadow|without makeup",
    },
)
_say("eye_shadow", "yes", **{"with": "eye shadow|eyeshadow|purple eye shadow|purple eyeshadow|eye make-up|eye makeup|make-up|heavy make-up|makeup",
     "do": "wearing eye shadow|wearing make-up|wearing eyeshadow|wearing makeup", "say": "purple eyeshadow|eye shadow|eyeshadow"})  # fmt: skip
for _name in ATTRIBUTES["clothes_colour"]:
    _things = ("shirt", "t-shirt", "sweater", "top", "jumper", "dress", "jacket", "hoodie")
    _say("clothes_colour", _name, **{
        "with": "|".join(f"a {_name} {t}" for t in _things) + f"|{_name} clothes|{_name} clothing",
        "do": "|".join(f"wearing a {_name} {t}" for t in _things) + f"|wearing {_name}|dressed in {_name}|in {_name} clothes",
        "say": f"the shirt is {_name}|the clothes are {_name}"})  # fmt: skip

SUBJECTS = ("a person", "a person", "a person", "a face", "someone", "a human", "a photo of a person", "a portrait of a person",
        "a picture of a person", "a photo of a face", "the face of a person", "a headshot of a person", "a portrait",
        "a drawing of a person")  # fmt: skip

HELD_OUT = (
    "an image of a person",
    "a close-up of somebody",
    "this is a person",
    "a human face",
    "the portrait of a human",
)

CAPTIONS = Captions(
    WORDS,
    SUBJECTS,
    HELD_OUT,
    general=("a person", "someone", "a human", "a face"),
    special=("a man", "a woman"),
    pronoun="who is",
)

assert set(WORDS) == set(facts.classes)
