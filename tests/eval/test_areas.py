from guide.eval.areas import AREAS, GUESSED, guess_areas


def test_a_plain_text_gets_the_area_it_is_about(encoder):
    found = guess_areas(
        encoder,
        [
            "We train an agent with a reward model and improve its policy by offline reinforcement learning.",
            "Message passing on graphs of molecules, with a new graph neural network.",
            "We forecast electricity demand, a multivariate time series, with a state space model.",
        ],
    )
    assert [area.removesuffix(GUESSED) for area in found] == [
        "reinforcement learning",
        "learning on graphs and other geometries & topologies",
        "learning on time series and dynamical systems",
    ]
    assert all(area.endswith(GUESSED) for area in found)


def test_every_area_is_guessed_for_its_own_name(encoder):
    assert guess_areas(encoder, AREAS) == [area + GUESSED for area in AREAS]


def test_no_texts_have_no_areas(encoder):
    assert guess_areas(encoder, []) == []
