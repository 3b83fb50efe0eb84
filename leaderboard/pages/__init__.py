"""One module a page; each has `build(site, fresh)`, called inside its route."""
