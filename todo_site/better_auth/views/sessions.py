from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from todo_site.better_auth import sessions
from todo_site.better_auth.models import Session
from todo_site.better_auth.user_agents import describe_user_agent
from todo_site.web.redirects import SeeOther


@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    live_sessions = Session.objects.live().filter(user=request.user.pk).order_by("-updated_at")
    rows = [(session, describe_user_agent(session.user_agent)) for session in live_sessions]
    context = {"sessions": rows, "current": sessions.get_current_id(request)}
    return render(request, "better_auth/sessions.html", context)


@require_POST
def revoke_sessions(request: HttpRequest) -> HttpResponse:
    """End the user's session with the posted id, or all sessions except the current one."""
    own = Session.objects.filter(user=request.user.pk)
    wanted = request.POST.get("session", "")
    others = own.exclude(pk=sessions.get_current_id(request))
    ended, _by_model = (others if wanted == "others" else own.filter(pk=wanted)).delete()
    messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return SeeOther(reverse("better_auth:sessions"))
