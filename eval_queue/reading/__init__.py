"""From the text of an answer to a rating, or to the kind of reason why there is none.

In: answers as endpoints sent them, or files of them. Out: ratings with counts of what has none. Pure apart from reading
answer files. Scores are made of ratings elsewhere (`eval_queue.scoring`).
"""

__all__ = [
    "answer_text",
    "answers",
    "reader",
]
