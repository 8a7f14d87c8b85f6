"""Bodies of ``Group.*``: the life of groups, their members and attributes.

Source: Tencent Cloud Chat, "Group Webhooks", one page for each command, named in its
docstring.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from models.vocabulary import Action, SubjectType
from schemas.tencent.lifecycle import LifecycleSchema
from schemas.tencent.wire import Accounts, Identifier, list_field, text_field


class GroupSchema(LifecycleSchema):
    """Any callback about one group."""

    subject_type = SubjectType.GROUP

    subject_id = Identifier("GroupId", required=True)
    group_type = text_field("Type")


class GroupCreatedSchema(GroupSchema):
    """``Group.CallbackAfterCreateGroup``: https://trtc.io/document/34369.

    ``InviteOption`` is in real bodies, though on no page: it is not a difference, whatever its
    type.
    """

    action = Action.CREATED

    members = Accounts("MemberList", item_key="Member_Account")
    custom_fields = list_field("UserDefinedDataList")
    invite_option = fields.Raw(allow_none=True, data_key="InviteOption")


class GroupProfileChangedSchema(GroupSchema):
    """``Group.CallbackAfterGroupInfoChanged``: https://trtc.io/document/34378.

    Only what changed is sent.
    """

    action = Action.PROFILE_CHANGED
    undocumented = frozenset({"owner"})

    introduction = text_field("Introduction")
    notification = text_field("Notification")
    face_url = text_field("FaceUrl")
    custom_fields = list_field("UserDefinedDataList")


class GroupOwnerChangedSchema(GroupSchema):
    """``Group.CallbackAfterChangeGroupOwner``: https://trtc.io/document/60396."""

    action = Action.OWNER_CHANGED
    undocumented = frozenset({"owner", "name"})
    columns = LifecycleSchema.columns - {"owner"}

    old_owner = Identifier("OldOwner_Account")
    new_owner = Identifier("NewOwner_Account")

    def to_owner(self, data: Mapping[str, Any]) -> str | None:
        """Return the new owner."""
        return data.get("new_owner")


class GroupFullSchema(GroupSchema):
    """``Group.CallbackAfterGroupFull``: https://trtc.io/document/34376.

    Sent again for every join that fails.
    """

    action = Action.FULL
    undocumented = frozenset({"group_type", "operator", "owner", "name"})


class GroupDestroyedSchema(GroupSchema):
    """``Group.CallbackAfterGroupDestroyed``: https://trtc.io/document/34377.

    Names the members at that moment, except those of a Community or AVChatRoom. The operator is
    documented for China only: https://cloud.tencent.com/document/product/269/1670.
    """

    action = Action.DESTROYED

    members = Accounts("MemberList", item_key="Member_Account")


class MembersJoinedSchema(GroupSchema):
    """``Group.CallbackAfterNewMemberJoin``: https://trtc.io/document/34372."""

    action = Action.MEMBERS_ADDED
    undocumented = frozenset({"owner", "name"})

    join_type = text_field("JoinType")
    members = Accounts("NewMemberList", item_key="Member_Account")


class MembersLeftSchema(GroupSchema):
    """``Group.CallbackAfterMemberExit``: https://trtc.io/document/34373."""

    action = Action.MEMBERS_REMOVED
    undocumented = frozenset({"owner", "name"})

    exit_type = text_field("ExitType")
    members = Accounts("ExitMemberList", item_key="Member_Account")


class MemberChangedSchema(GroupSchema):
    """``Group.CallbackAfterMemberFieldChanged``: https://trtc.io/document/60393.

    The member is ``Member_Account``; in China, ``Modified_Account``:
    https://cloud.tencent.com/document/product/269/105353.
    """

    action = Action.MEMBER_CHANGED
    undocumented = frozenset({"owner", "name"})

    member = Identifier("Member_Account")
    modified = Identifier("Modified_Account")
    role = text_field("Role")
    name_card = text_field("NameCard")

    def to_members(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the one member, under either of Tencent's names."""
        return tuple(data[name] for name in ("member", "modified") if data.get(name))


class AttributesChangedSchema(GroupSchema):
    """``Group.CallbackAfterGroupAttrChanged``: https://trtc.io/document/60394."""

    action = Action.ATTRIBUTES_CHANGED
    undocumented = frozenset({"owner", "name"})

    option_type = text_field("OptionType")
    attributes = list_field("GroupAttr")
