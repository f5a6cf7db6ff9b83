"""Addresses of the pages about people, below /accounts/."""

from django.urls import path, re_path

from wallet.views import (
    confirmations,
    details,
    factor_demands,
    invitations,
    languages,
    mails,
    members,
    organisations,
    second_factors,
    sessions,
    time_zones,
)

app_name = "wallet"

urlpatterns = [
    path("organisations/switch/", organisations.switch, name="switch"),
    path("organisations/new/", organisations.create, name="create_organisation"),
    path("members/", members.show, name="members"),
    path("members/role/", members.change_role, name="change_role"),
    path("members/remove/", members.remove, name="remove"),
    path("members/leave/", members.leave, name="leave"),
    path("members/ownership/", invitations.offer_ownership, name="offer_ownership"),
    path("billing-details/", details.show, name="details"),
    path("billing-details/payers/add/", details.add_payer, name="add_payer"),
    path("billing-details/payers/remove/", details.remove_payer, name="remove_payer"),
    path("invitations/", invitations.invite, name="invite"),
    path("invitations/withdraw/", invitations.withdraw, name="withdraw"),
    path("invitations/<str:token>/", invitations.accept, name="accept"),
    path("members/second-factor/demand/", factor_demands.demand, name="demand_second_factor"),
    path("members/second-factor/waive/", factor_demands.waive, name="waive_second_factor"),
    path("sessions/", sessions.show, name="sessions"),
    path("sessions/end/", sessions.end, name="end_session"),
    path("sessions/end-others/", sessions.end_others, name="end_other_sessions"),
    path("second-factor/<str:token>/", second_factors.accept, name="accept_second_factor"),
    # Stands before allauth's page of the same address.
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", confirmations.confirm, name="confirm_email"),
    path("time-zone/", time_zones.choose, name="time_zone"),
    path("language/", languages.choose, name="language"),
    path("mail/", mails.show_newest, name="mail"),
]
