"""What each page says: one folder a page, with its module, its data, its template, its style sheet and its script.

In: a `Site` and the fields of an address. Out: content as HTML (`page.content`), or for Submit and Queue, which have
forms and change while they are open, components of Gradio (`page.build`). How documents are framed and served is
`leaderboard.web`; a page becomes part of the app in `leaderboard.ui`.
"""
