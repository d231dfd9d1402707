"""Views of a review; each prints what `Review` holds and adds nothing."""
