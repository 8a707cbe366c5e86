from todo_site.web.rate_limits import RateLimit

CREATE = RateLimit("create", limit=300, seconds=300, step=10)
SEARCH = RateLimit("search", limit=120, seconds=60, step=5)
EXPORT = RateLimit("export", limit=20, seconds=600)
IMPORT = RateLimit("import", limit=60, seconds=600)
