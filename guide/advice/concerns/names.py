"""Names that reviewers bring up: methods, datasets, benchmarks and baselines, told by how they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

MIN_PAPERS = 3  # a name that fewer papers' reviewers brought up is not kept

# Two capitals, or a capital and a digit, somewhere in a word of letters, digits and inner hyphens: DPO, LoRA, GPT-4.
_NAME = re.compile(r"(?<![\w$\\/@#-])[A-Za-z][A-Za-z0-9]*(?:[-+.][A-Za-z0-9]+)*\+*(?![\w@/$])")
_CAPITALS = re.compile(r"[A-Z].*[A-Z]|[A-Z].*\d|[a-z][A-Z]")
_COMMON = frozenset(
    """
    AI ML DL NLP CV RL IL LLM LLMs VLM VLMs MLLM MLLMs LM LMs PLM DNN DNNs NN NNs GNN GNNs CNN CNNs RNN RNNs
    GAN GANs VAE VAEs MLP MLPs BERT GPT SOTA SoTA SotA OOD ID IID GPU GPUs CPU TPU API APIs QA VQA SFT RLHF
    ICL RAG CoT MDP MDPs POMDP ODE ODEs SDE SDEs PDE PDEs SGD KL MSE MAE RMSE AUC AUROC F1 FID IoU mIoU mAP
    PSNR SSIM BLEU ROUGE ATE ECE NLL ELBO MCMC EM MAP MLE ICLR NeurIPS ICML CVPR ICCV ECCV ACL EMNLP NAACL
    AAAI IJCAI KDD WWW SIGIR TMLR JMLR AISTATS UAI COLT CoRL ICRA IROS TPAMI arXiv ArXiv OpenReview LaTeX PDF
    URL UTC USA EU CA US PhD FAQ TODO PS NB OK IMO IMHO FYI AFAIK WLOG RHS LHS SI IRB PI PC AC Eq Eqs Eqn Fig
    Figs Tab Sec App Alg Algo Thm Lem Prop Def Cor Ref Refs L1 L2 R2 Q1 Q2 Q3 Q4 Q5 W1 W2 W3 W4 W5 W6 S1 S2 C1
    C2 A1 A2 R1 R3 T1 T2 H1 H2 D1 D2 P1 P2 M1 M2 Q6 Q7 W7 W8 II III IV VI VII VIII IX XI 2D 3D 4D 1D FLOP
    FLOPs FLOPS MAC MACs RAM IEEE ACM NIPS SIGKDD GitHub PyTorch NVIDIA OpenAI CUDA NOT IDs MCQ MCQs LMMs SSMs
    VLAs PPL FFN CLS EMA ERM DAG FPR TPR T2I I2V VRAM HBM FPS TTS ASR OCR SVM PCA LSTM GRU ReLU GeLU Adam
    AdamW ViT ViTs MoE MoEs DP FL CL SSL UDA DG DA TTA NAS HPO AutoML LoRAs ML4 UQ XAI HCI IR KG KGs TL MTL
    SNR ROI CI CIs SD STD SE ANOVA DoF RGB BEV SLAM IMU EEG MRI fMRI CT DNA RNA
    """.split()  # noqa: SIM905 - as a list these would be a hundred lines
)
_REFERENCE = re.compile(r"\bet al\b|arXiv|https?:|doi|\b(?:19|20)\d\d\b.*\b(?:19|20)\d\d\b", re.IGNORECASE)
_REVIEW_MARK = re.compile(r"^(?:[A-Z]{1,2}\d{1,4}|[A-Z]\.\d+|L\d+(?:-\d+)?|[A-Z]-?\d)$")
# "Vision-Language", "LLM-based", "Fig.2": words written large, and parts of speech made of a name.
_NO_NAME = re.compile(
    r"^(?:[A-Z][a-z]{2,}(?:-[a-z]+)*(?:-[A-Z][a-z]{2,})+|(?:Fig|Tab|Table|Sec|Section|Eq|App|Algorithm|Line)s?\.?-?\d.*)$"
    r"|-(?:based|generated|style|like|guided|driven|level|free|aware|as-.*|specific|only|trained|tuned|IID|type|wise|to-.*)$"
)
_LONGEST = 24


def find_names(sentences: Iterable[str]) -> set[str]:
    """The names in the sentences of a review; those that read like a reference are passed over."""
    found = set()
    for sentence in sentences:
        if _REFERENCE.search(sentence):
            continue
        for match in _NAME.finditer(sentence):
            name = match[0].rstrip(".")
            if (
                2 < len(name) <= _LONGEST
                and _CAPITALS.search(name)
                and name not in _COMMON
                and not _is_mark(name, sentence)
            ):
                found.add(name)
    return found


def count_names(papers: Sequence[set[str]]) -> dict[str, int]:
    """How many papers' reviewers brought each name up, names of fewer than `MIN_PAPERS` left out; in ABC order."""
    counts = Counter(name for own in papers for name in own)
    return {name: count for name, count in sorted(counts.items()) if count >= MIN_PAPERS}


def _is_mark(name: str, sentence: str) -> bool:
    """Whether it is a mark of the review's own ("W3", "Fig.2"), no name, or stands in a sentence all in capitals."""
    return bool(_REVIEW_MARK.match(name) or _NO_NAME.search(name)) or sentence.isupper()
