"""Routes of the dashboard that are not about money or jobs."""

from django.urls import include, path

from accounts.dashboard import audit, invitations, keys, switching, team, webhooks, workspaces

developers = [
    path("keys", keys.key_list, name="keys"),
    path("keys/new", keys.new_key, name="new-key"),
    path("keys/<str:key_id>/disable", keys.disable, name="disable-key"),
    path("keys/<str:key_id>/enable", keys.enable, name="enable-key"),
    path("keys/<str:key_id>/revoke", keys.revoke, name="revoke-key"),
    path("webhooks", webhooks.settings_page, name="webhooks"),
    path("webhooks/rotate", webhooks.rotate, name="rotate"),
    path("webhooks/finish-rotation", webhooks.finish_rotation, name="finish-rotation"),
    path("webhooks/test", webhooks.send_test, name="send-test"),
    path("deliveries", webhooks.delivery_list, name="deliveries"),
    path("deliveries/replay", webhooks.replay_all, name="replay-all"),
    path("deliveries/<str:delivery_id>", webhooks.delivery_page, name="delivery"),
    path("deliveries/<str:delivery_id>/state", webhooks.delivery_state, name="delivery-state"),
    path("deliveries/<str:delivery_id>/replay", webhooks.replay_one, name="replay"),
]

shelves = [
    path("", workspaces.workspace_list, name="list"),
    path("/<str:workspace_id>", workspaces.rename, name="rename"),
    path("/<str:workspace_id>/archive", workspaces.archive, name="archive"),
    path("/<str:workspace_id>/restore", workspaces.restore, name="restore"),
]

people = [
    path("", team.team_page, name="team"),
    path("/invitations/<str:invitation_id>/resend", team.resend, name="resend"),
    path("/invitations/<str:invitation_id>/revoke", team.revoke, name="revoke-invitation"),
    path("/<str:user_id>", team.member_page, name="member"),
    path("/<str:user_id>/remove", team.remove, name="remove"),
    path("/<str:user_id>/transfer", team.transfer, name="transfer"),
]

log = [
    path("", audit.audit_page, name="log"),
    path(".csv", audit.audit_csv, name="csv"),
]

urlpatterns = [
    path("organisation", switching.switch, name="switch-organisation"),
    path("developers/", include((developers, "developers"))),
    path("workspaces", include((shelves, "workspaces"))),
    path("team", include((people, "team"))),
    path("audit", include((log, "audit"))),
    path("invitation", invitations.invitation, name="invitation"),
    path("leave", team.leave, name="leave"),
]
