"""The rules and the words of the caption grammar, in the notation of `grammar.py`.

What a weak generator gets wrong, and where it is decided:

- number, across whatever stands between a subject and its verb: the agreement letters below, carried by `Subj_`, `VP_` and `Do_`;
- gender and number of `his`, `her`, `its`, `their` and the reflexives: the same letters in `Poss_` and `Refl_`;
- a or an: the noun phrases made by `_noun_phrases`;
- who does what to what: the classes of nouns and verbs, and the rules that combine them.

Agreement letters: m, f a man, a woman; p several people; i, q one or several animals or things.
"""

_RULES = """
$h = m f p      # people
$j = m f p      # other people
$z = i q        # animals and things
$g = m f p i q
$hone = m f     # one person
$one = m f i
$many = p q
$t = fin ing bare
$n = sg pl

S -> 9 Subj_$h VPLong_$h .
   | 7 Subj_$z VPLong_$z .
   | 2.5 Subj_$h Who_$h VP_fin_$h VP_fin_$h .
   | 2 Subj_$z that VP_fin_$z VP_fin_$z .
   | 3 Subj_$h Attribute_$h VP_fin_$h .
   | 2 Subj_$h Attribute_$h VP_fin_$h Where .
   | 2 Subj_$z with Obj_b in Poss_$z mouth VP_fin_$z .
   | 2 Subj_$h VP_ing_$h VP_fin_$h .
   | 1.2 VP_ing_$h , Subj_$h VP_fin_$h .
   | 2 Photo of Subj_$g VP_ing_$g .
   | 1 Subj_$g Be_$g Mood .
   | 2 Subj_$g Who_$g VP_fin_$g Be_$g Mood .
   | 5 Thing_$z Lies_$z .
   | 1.5 Thing_$z near Thing Lies_$z .
   | 5 Transport_$z .
   | 18 Existence .
   | 12 Fronted .
   | 12 Pairs .

# Subjects and their agreement
Subj_$hone -> NP_$hone_sg
Subj_p -> 2 NP_m_pl | 2 NP_f_pl | Brief_$hone and Brief_f | Brief_$hone and Brief_m
Subj_i -> NP_a_sg
Subj_q -> 4 NP_a_pl | Brief_i and Brief_i
Brief_$hone -> 2 a Nounc_$hone | an Nounv_$hone | 2 the Noun_$hone_sg
Brief_i -> 4 a Nounc_a | an Nounv_a | 4 the Noun_a_sg
Brief_p -> Number Noun_m_pl | Number Noun_f_pl | the Noun_m_pl | the Noun_f_pl
Be_$one -> is
Be_$many -> are
Poss_m -> his
Poss_f -> her
Poss_i -> its
Poss_$many -> their
Refl_m -> himself
Refl_f -> herself
Refl_i -> itself
Refl_$many -> themselves
Who_$h -> 2 who | that
Who_$z -> that
Do_fin_$k_$one -> 2 V_$k_sg | 3 is V_$k_ing
Do_fin_$k_$many -> 2 V_$k_pl | 3 are V_$k_ing
Do_ing_$k_$g -> V_$k_ing
Do_bare_$k_$g -> V_$k_pl

# What people do
VP_$t_$h -> 3 Do_$t_ride_$h Obj_r | 3 Do_$t_hold_$h Obj_o | 2 Do_$t_eat_$h Obj_e | 1.5 Do_$t_cook_$h Obj_e | Do_$t_drink_$h Drink
  | 2 Do_$t_wear_$h Obj_c | 1.5 Do_$t_groom_$h Poss_$h Body | Do_$t_look_$h at Refl_$h in the mirror
  | .5 Do_$t_take_$h a picture of Refl_$h | Do_$t_take_$h a picture of the Seen
  | 2 Do_$t_watch_$h Scene | 1.5 Do_$t_tend_$h Obj_a | .7 Do_$t_tend_$h Poss_$h Pet
  | 2 Do_$t_play_$h Sport | 1.5 Do_$t_throw_$h Obj_b | .7 Do_$t_throw_$h the Noun_b_$n to Brief_$j | 1.5 Do_$t_read_$h Obj_t
  | Do_$t_use_$h Obj_d | Do_$t_drive_$h Obj_v | 3.5 Do_$t_go_$h Path | 4 Do_$t_stay_$h Loc | Do_$t_talk_$h to Brief_$j
VPLong_$h -> 3 VP_fin_$h | 3 VP_fin_$h Where | 1.5 VP_fin_$h When | Do_fin_try_$h to VP_bare_$h | .7 Be_$h about to VP_bare_$h
  | .7 Do_fin_help_$h Brief_$j VP_bare_$j | .7 Do_fin_give_$h Brief_$j Obj_o | .5 Do_fin_give_$h Obj_o to Brief_$j
  | 1.5 VP_fin_$h and VP_fin_$h | VP_fin_$h while Poss_$h Company | .5 Do_fin_hold_$h either Obj_o or Obj_o
  | .5 Do_fin_eat_$h both Obj_e and Obj_e
Attribute_$h -> 2 in Obj_c | 2 with Obj_o | near Scene | with Poss_$h Pet
Company -> 2 dog Idle_i | dogs Idle_q | 2 friend Idle_$hone | friends Idle_p | son Idle_m | daughter Idle_f | children Idle_p | cat Idle_i
Idle_$g -> 2 Do_fin_stay_$g Where | Do_fin_go_$g Path

# What animals do
VP_$t_$z -> 4 Do_$t_stay_$z Loc | 3 Do_$t_go_$z Path | 2 Do_$t_chase_$z Obj_b | 2 Do_$t_chase_$z Obj_a | 1.5 Do_$t_graze_$z Fodder
  | .7 Do_$t_lick_$z Refl_$z | .7 Do_$t_lick_$z Poss_$z Limb | .7 Do_$t_look_$z at Refl_$z in the mirror | 1.5 Do_$t_watch_$z Scene
VPLong_$z -> 3 VP_fin_$z | 3 VP_fin_$z Where | VP_fin_$z When | Do_fin_try_$z to VP_bare_$z | 1.5 VP_fin_$z and VP_fin_$z
  | VP_fin_$z while Brief_$g Idle_$g
Brief_q -> Number Noun_a_pl | the Noun_a_pl

# Things and vehicles
Thing_i -> 3 NP_o_sg | NP_t_sg | 2 NP_e_sg | NP_d_sg | a Vessel_sg of Dish
Thing_q -> 3 NP_o_pl | NP_t_pl | 2 NP_e_pl | NP_d_pl | Number Vessel_pl of Dish
Thing -> Thing_i | Thing_q
Lies_$z -> 4 Do_fin_lie_$z On | Do_fin_lie_$z next to Thing | 2 Be_$z Put On
Transport_$z -> 4 Vehicle_$z Do_fin_travel_$z Road | 3 Vehicle_$z Be_$z parked Kerb | 1.5 Vehicle_$z near Scene Be_$z parked Roadside
  | 3 Plane_$z Do_fin_fly_$z Sky | 3 Boat_$z Do_fin_float_$z Water | 1.5 Vehicle_$z that Do_fin_carry_$z Load Do_fin_travel_$z Road
Vehicle_i -> NP_v_sg
Vehicle_q -> NP_v_pl
Plane_i -> NP_x_sg
Plane_q -> NP_x_pl
Boat_i -> NP_w_sg
Boat_q -> NP_w_pl
Load -> Obj_o | Number Noun_m_pl | Number Noun_f_pl | Number Noun_a_pl

# There is, there are
Existence -> 2 there is Indef_a_sg Loc | 2 there are Indef_a_pl Loc | there is Indef_$hone_sg Loc | there are Indef_$hone_pl Loc
  | there is Indef_v_sg Kerb | there are Indef_v_pl Kerb | there is Indef_o_sg On | there are Indef_o_pl On
  | there is Indef_$hone_sg Who_$hone VP_fin_$hone | there are Indef_$hone_pl Who_p VP_fin_p
  | there is Indef_a_sg that VP_fin_i | there are Indef_a_pl that VP_fin_q | there is Indef_e_sg and Indef_e_sg On

# The object comes first: its own verb waits behind another subject's
Fronted -> the Nom_o_sg that Subj_$h Do_fin_hold_$h State_i | the Nom_o_pl that Subj_$h Do_fin_hold_$h State_q
  | the Nom_e_sg that Subj_$h Do_fin_eat_$h Taste_i | the Nom_e_pl that Subj_$h Do_fin_eat_$h Taste_q
  | the Nom_a_sg that Subj_$h Do_fin_tend_$h Be_i Mood | the Nom_a_pl that Subj_$h Do_fin_tend_$h Be_q Mood
  | the Nom_a_sg that Subj_$h Do_fin_watch_$h VP_fin_i | the Nom_a_pl that Subj_$h Do_fin_watch_$h VP_fin_q
  | the Nom_r_sg that Subj_$h Do_fin_ride_$h Be_i Colour_r | the Nom_r_pl that Subj_$h Do_fin_ride_$h Be_q Colour_r
State_$z -> 2 Be_$z Colour_o | Do_fin_belong_$z to Brief_$h
Taste_$z -> Be_$z Flavour | Do_fin_look_$z Flavour

# Words that come in pairs
Pairs -> 3 both Brief_$hone and Brief_f VP_fin_p | 3 both Brief_$hone and Brief_m VP_fin_p | 2 both Brief_i and Brief_i VP_fin_q
  | 2 either Brief_$one or Brief_$one VP_fin_$one | 2 neither Brief_$one nor Brief_$one VP_fin_$one
  | both Brief_$hone and Brief_f VP_fin_p Where | one of the Noun_m_pl VP_fin_m Where | one of the Noun_f_pl VP_fin_f Where
  | one of the Noun_a_pl VP_fin_i Where

# Objects and what can be seen
Obj_$o -> 2 NP_$o_sg | NP_$o_pl
Scene -> 2 Obj_a | Obj_v | NP_$hone_$n | Obj_w | Obj_x
Seen -> Noun_a_$n | Noun_v_$n | Noun_x_$n | Noun_m_$n | Noun_f_$n
Drink -> 2 a Cup of Beverage | Beverage | some Beverage

# Places and times
Where -> 3 in the Inside | 2 on the Outside | at the Spot
Loc -> 4 in the Inside | 3 on the Outside | at the Spot | 2 in a Setting Inside | 2 on Obj_s | next to Obj_v | in front of Landmark
  | behind Obj_s | near Obj_s | under Indef_s_sg | beside Scene | by the Outside
Landmark -> the Noun_v_$n | the Noun_s_$n | Number Noun_v_pl
On -> 5 on Indef_s_sg | 2 on the Nom_s_sg | under Indef_s_sg | next to Indef_d_sg
Path -> 3 down the Way | 2 across the Area | 2 through the Inside | 2 along the Outside | past Scene | up a Slope | toward Scene
Road -> 3 down the Way | down a Setting Way | past Scene | through the Town
Kerb -> Roadside | next to Obj_v | behind Obj_v | on the Outside | in front of Landmark
Roadside -> on the side of the Way | in front of Indef_s_sg
Sky -> 2 over the Area | through the Heaven sky | above the Town | over Obj_w
Water -> 2 on the Lake | across the Lake | near the Outside | in a Setting harbor
Setting -> large | busy | crowded | small | quiet | sunny | snowy | grassy
When -> 2 at night | on a Weather day | in the rain | in the morning | during the day | after dinner | in the evening
Photo -> 3 a photo | a black and white photo | a close up | an old picture
"""

# Words, the most frequent first. Of a noun "singular/plural"; the classes are the letters in the rules.
_ANYBODY = """
child/children person/people skier/skiers player/players kid/kids surfer/surfers chef/chefs
tourist/tourists athlete/athletes officer/officers"""

_NOUNS = {
    "m": "man/men boy/boys" + _ANYBODY,
    "f": "woman/women girl/girls lady/ladies" + _ANYBODY,
    "a": """dog/dogs cat/cats horse/horses elephant/elephants bird/birds cow/cows zebra/zebras giraffe/giraffes bear/bears sheep/sheep
      puppy/puppies goat/goats ostrich/ostriches""",
    "r": "bike/bikes horse/horses skateboard/skateboards elephant/elephants wave/waves",
    "v": "car/cars bus/buses truck/trucks train/trains taxi/taxis ambulance/ambulances",
    "x": "plane/planes airplane/airplanes jet/jets",
    "w": "boat/boats ship/ships canoe/canoes",
    "o": """umbrella/umbrellas bag/bags ball/balls camera/cameras phone/phones kite/kites suitcase/suitcases cup/cups basket/baskets
      surfboard/surfboards box/boxes flower/flowers bottle/bottles""",
    "b": "ball/balls frisbee/frisbees stick/sticks toy/toys orange/oranges",
    "t": "book/books newspaper/newspapers map/maps atlas/atlases",
    "d": "laptop/laptops phone/phones computer/computers camera/cameras ipad/ipads",
    "e": """pizza/pizzas sandwich/sandwiches cake/cakes apple/apples banana/bananas orange/oranges salad/salads""",
    "c": "hat/hats shirt/shirts jacket/jackets helmet/helmets coat/coats uniform/uniforms apron/aprons",
    "s": "table/tables bench/benches chair/chairs desk/desks bed/beds couch/couches armchair/armchairs",
}
# Of each class of nouns: what may stand first, and what may stand alone or second.
_ADJECTIVES = {
    "person": ("young old little tall elderly smiling happy", ""),
    "animal": ("small large big little young old tiny", "brown white black gray orange spotted"),
    "made": ("small large big old new shiny", "red white blue black green yellow orange"),
    "wood": ("small large big old empty", "wooden white brown antique"),
    "food": ("large small fresh delicious hot sweet organic", ""),
}
_KINDS = {"m": "person", "f": "person", "a": "animal", "e": "food", "s": "wood"}

# Verbs "base/third person/participle".
_VERBS = {
    "ride": "ride/rides/riding",
    "hold": "hold/holds/holding carry/carries/carrying",
    "eat": "eat/eats/eating share/shares/sharing enjoy/enjoys/enjoying",
    "cook": "prepare/prepares/preparing cut/cuts/cutting make/makes/making serve/serves/serving",
    "drink": "drink/drinks/drinking",
    "wear": "wear/wears/wearing",
    "groom": "brush/brushes/brushing wash/washes/washing",
    "look": "look/looks/looking",
    "take": "take/takes/taking",
    "watch": "watch/watches/watching follow/follows/following",
    "tend": "feed/feeds/feeding pet/pets/petting walk/walks/walking",
    "play": "play/plays/playing",
    "throw": "throw/throws/throwing catch/catches/catching",
    "read": "read/reads/reading hold/holds/holding",
    "use": "use/uses/using",
    "drive": "drive/drives/driving",
    "go": "walk/walks/walking run/runs/running",
    "stay": "stand/stands/standing sit/sits/sitting lie/lies/lying rest/rests/resting sleep/sleeps/sleeping wait/waits/waiting",
    "talk": "talk/talks/talking wave/waves/waving",
    "try": "try/tries/trying prepare/prepares/preparing",
    "help": "help/helps/helping",
    "give": "give/gives/giving hand/hands/handing",
    "chase": "chase/chases/chasing follow/follows/following",
    "graze": "eat/eats/eating chew/chews/chewing",
    "lick": "lick/licks/licking scratch/scratches/scratching",
    "lie": "sit/sits/sitting lie/lies/lying rest/rests/resting",
    "travel": "drive/drives/driving move/moves/moving",
    "fly": "fly/flies/flying",
    "float": "float/floats/floating sail/sails/sailing",
    "carry": "carry/carries/carrying",
    "belong": "belong/belongs/belonging",
}
# The other words, by the nonterminal they stand for.
_OTHERS = {
    "Number": "two three four five",
    "Body": "hair teeth face hands",
    "Pet": "dog cat horse dogs puppy",
    "Sport": "tennis baseball soccer frisbee basketball",
    "Fodder": "grass hay",
    "Limb": "paw leg tail back",
    "Vessel_sg": "plate bowl",
    "Vessel_pl": "plates bowls",
    "Dish": "food soup fruit pasta",
    "Cup": "cup glass",
    "Beverage": "coffee water wine tea milk",
    "Put": "placed displayed left arranged",
    "Mood": "tired happy calm alone hungry wet asleep",
    "Flavour": "delicious fresh sweet cold tasty",
    "Inside": "park field kitchen street snow bathroom water garden yard room forest zoo",
    "Outside": "beach sidewalk grass road river",
    "Spot": "airport station restaurant zoo market",
    "Way": "street road track hill sidewalk",
    "Area": "field park beach ocean bridge yard",
    "Slope": "hill mountain",
    "Town": "city town mountains",
    "Heaven": "blue cloudy clear",
    "Lake": "lake water ocean river",
    "Weather": "sunny rainy cloudy cold",
}

# Written with a vowel but spoken with a consonant.
_SPOKEN_WITH_CONSONANT = {"uniform", "uniforms"}


def text():
  """The grammar as `grammar.parse` reads it."""
  lines = [f"$k = {' '.join(_VERBS)}", f"$o = {' '.join(_NOUNS)}", _RULES]
  for letter, nouns in _NOUNS.items():
    lines += _noun_phrases(letter, [noun.split("/") for noun in nouns.split()], *_ADJECTIVES[_KINDS.get(letter, "made")])
  for name, verbs in _VERBS.items():
    for form, words in zip(("pl", "sg", "ing"), zip(*(verb.split("/") for verb in verbs.split()))):
      lines.append(f"V_{name}_{form} -> {_falling(words)}")
  for name, words in _OTHERS.items():
    lines.append(f"{name} -> {_falling(words.split())}")
  return "\n".join(lines)


def _noun_phrases(letter, nouns, first, second):
  """Rules for the noun phrases of one class; the article looks at the word it meets, noun or adjective.

  Args:
    letter: of the class.
    nouns: pairs of a singular and a plural.
    first: adjectives that may stand before another, separated by spaces.
    second: adjectives that may not.
  """
  singular, plural = zip(*nouns)
  adjectives = first.split() + second.split()
  rules = {f"Noun_{letter}_sg": _falling(singular), f"Noun_{letter}_pl": _falling(plural), f"Adj_{letter}": _falling(adjectives)}
  for sound, vowel in (("c", False), ("v", True)):
    phrases = []
    for name, words, weight, follow in (("Noun", singular, 3, ""), ("Adj", adjectives, 2, f"Noun_{letter}_sg"),
                                        ("First", first.split(), .6 * bool(second), f"Colour_{letter} Noun_{letter}_sg")):
      heard = [word for word in words if _starts_with_vowel(word) == vowel]
      if heard and weight:
        rules[f"{name}{sound}_{letter}"] = _falling(heard)
        phrases.append(f"{weight} {name}{sound}_{letter} {follow}")
    rules[f"Nom{sound}_{letter}"] = " | ".join(phrases)
  for number in ("sg", "pl"):
    rules[f"Nom_{letter}_{number}"] = f"3 Noun_{letter}_{number} | 2 Adj_{letter} Noun_{letter}_{number}"
    rules[f"NP_{letter}_{number}"] = f"3 Indef_{letter}_{number} | the Nom_{letter}_{number}"
    if second:
      rules[f"Nom_{letter}_{number}"] += f" | .6 First_{letter} Colour_{letter} Noun_{letter}_{number}"
  if second:
    rules[f"First_{letter}"] = _falling(first.split())
    rules[f"Colour_{letter}"] = _falling(second.split())
  rules[f"Indef_{letter}_sg"] = f"4 a Nomc_{letter} | an Nomv_{letter}"
  rules[f"Indef_{letter}_pl"] = " | ".join(f"{quantity} Nom_{letter}_pl" for quantity in ("3 Number", "some", "several", ".7 many"))
  return [f"{left} -> {right}" for left, right in rules.items()]


def _starts_with_vowel(word):
  return word[0] in "aeiou" and word not in _SPOKEN_WITH_CONSONANT


def _falling(words):
  """Alternatives whose weights fall from the first word to the last, about as word frequencies do."""
  return " | ".join(f"{1 / (rank + 3):.3f} {word}" for rank, word in enumerate(words))
