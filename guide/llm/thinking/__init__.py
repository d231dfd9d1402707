"""Thinking within a budget, and what can be told from it: when to stop, what to keep, how far runs agree.

Pure logic over `guide.llm.model.TextModel`, for many prompts and many samples of each at once.
"""
