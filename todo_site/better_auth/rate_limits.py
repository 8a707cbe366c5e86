from todo_site.web.rate_limits import RateLimit

BY_ADDRESS = RateLimit("sign-in by address", limit=20, seconds=60)
BY_ACCOUNT = RateLimit("sign-in by account", limit=10, seconds=900)
