"""Bodies of ``OfficialAccount.*``: the life of Tencent's Official Channels.

Source: Tencent Cloud Chat, "Official Account Webhooks", one page for each command,
https://trtc.io/document/60796 to 60802.
"""

from models.vocabulary import Action, SubjectType
from schemas.tencent.lifecycle import LifecycleSchema
from schemas.tencent.wire import Accounts, Identifier, text_field


class ChannelSchema(LifecycleSchema):
    """Any callback about one channel."""

    subject_type = SubjectType.CHANNEL

    subject_id = Identifier("Official_Account", required=True)


class ChannelCreatedSchema(ChannelSchema):
    """``OfficialAccount.CallbackAfterCreateOfficialAccount``: https://trtc.io/document/60796."""

    action = Action.CREATED


class ChannelProfileChangedSchema(ChannelSchema):
    """``OfficialAccount.CallbackAfterOfficialAccountInfoChanged``.

    A field that did not change is left out: https://trtc.io/document/60797.
    """

    action = Action.PROFILE_CHANGED
    undocumented = frozenset({"owner"})

    introduction = text_field("Introduction")
    face_url = text_field("FaceUrl")
    organization = text_field("Organization")


class ChannelDestroyedSchema(ChannelSchema):
    """``OfficialAccount.CallbackAfterOfficialAccountDestroyed``.

    Tencent does not name the operator: https://trtc.io/document/60798.
    """

    action = Action.DESTROYED
    undocumented = frozenset({"operator"})


class ChannelFullSchema(ChannelSchema):
    """``OfficialAccount.CallbackAfterOfficialAccountFull``: https://trtc.io/document/60801."""

    action = Action.FULL
    undocumented = frozenset({"operator", "owner", "name"})


class SubscribersAddedSchema(ChannelSchema):
    """``OfficialAccount.CallbackAfterAddSubscriber``: https://trtc.io/document/60800."""

    action = Action.MEMBERS_ADDED
    undocumented = frozenset({"owner", "name"})

    members = Accounts("SubscribeAccountList", item_key="Subscriber_Account")


class SubscribersRemovedSchema(SubscribersAddedSchema):
    """``OfficialAccount.CallbackAfterDeleteSubscriber``.

    The list has the same name although it holds users that left: https://trtc.io/document/60802.
    """

    action = Action.MEMBERS_REMOVED
