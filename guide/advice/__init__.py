"""What a review says beside the number: prior work, what moves the estimate, findings; and its views."""
