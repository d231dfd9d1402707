import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from guide.student.features import Vocabulary, extract, extract_without_each, join_title, terms_of

CORPUS = [
    "Graph networks learn energies of molecules.",
    "Networks of graphs, graph networks and more graph networks!",
    "Étude of naïve Bayes: a 2nd look at 3 priors.",
    "the the the",
    "",
]


def _fitted():
    model = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(CORPUS)
    return model, Vocabulary(model.get_feature_names_out(), model.idf_.astype(np.float32))


def _dense(rows, columns):
    out = np.zeros((len(rows.indptr) - 1, columns), dtype=np.float32)
    for number in range(len(out)):
        part = slice(rows.indptr[number], rows.indptr[number + 1])
        out[number, rows.indices[part]] = rows.data[part]
    return out


def test_term_weights_equal_scikit_learns():
    model, vocabulary = _fitted()
    texts = [*CORPUS, "unknown words only", "Graph NETWORKS learn priors, priors and graph priors."]
    ours = _dense(vocabulary.weigh(texts), len(vocabulary))
    assert ours == pytest.approx(model.transform(texts).toarray(), abs=1e-6)


@given(st.text())
def test_terms_equal_scikit_learns_on_any_text(text):
    assert terms_of(text) == TfidfVectorizer(ngram_range=(1, 2)).build_analyzer()(text)


def test_a_product_with_sparse_rows_equals_the_dense_one():
    _, vocabulary = _fitted()
    rows = vocabulary.weigh([CORPUS[4], CORPUS[0], CORPUS[4], CORPUS[1], CORPUS[4]])
    columns = np.random.default_rng(0).normal(size=(len(vocabulary), 3)).astype(np.float32)
    assert rows.dot(columns) == pytest.approx(_dense(rows, len(vocabulary)) @ columns, abs=1e-5)


def test_terms_and_frequencies_must_be_as_many():
    with pytest.raises(ValueError, match="2 terms but 1"):
        Vocabulary(["a", "b"], np.ones(1, dtype=np.float32))


def test_the_title_is_read_as_a_first_sentence():
    assert join_title(" Title ", "Text. ") == "Title. Text."
    assert join_title("", "Text.") == "Text."


def test_a_variant_without_a_sentence_counts_its_words_out(encoder):
    _, vocabulary = _fitted()
    features = extract_without_each(encoder, vocabulary, "A title", "Graphs learn energies. Trees do not.", 2)
    assert features.words.tolist() == [8, 5, 5]
    assert features.dense.shape == (3, 7 * 384)


def test_extracted_rows_are_unit_and_count_words(encoder):
    _, vocabulary = _fitted()
    features = extract(encoder, vocabulary, [("Graph networks", "They learn energies.")])
    assert features.dense.shape == (1, 7 * 384)
    assert np.linalg.norm(features.unit[0]) == pytest.approx(1)
    assert features.words.tolist() == [5]
