"""The one list of lifecycle commands: a new one is a schema class and a row here."""

from collections.abc import Mapping

from schemas.tencent import channels, groups, topics
from schemas.tencent.lifecycle import LifecycleSchema

LIFECYCLE_SCHEMAS: Mapping[str, LifecycleSchema] = {
    "OfficialAccount.CallbackAfterCreateOfficialAccount": channels.ChannelCreatedSchema(),
    "OfficialAccount.CallbackAfterOfficialAccountInfoChanged": (
        channels.ChannelProfileChangedSchema()
    ),
    "OfficialAccount.CallbackAfterOfficialAccountDestroyed": channels.ChannelDestroyedSchema(),
    "OfficialAccount.CallbackAfterOfficialAccountFull": channels.ChannelFullSchema(),
    "OfficialAccount.CallbackAfterAddSubscriber": channels.SubscribersAddedSchema(),
    "OfficialAccount.CallbackAfterDeleteSubscriber": channels.SubscribersRemovedSchema(),
    "Group.CallbackAfterCreateGroup": groups.GroupCreatedSchema(),
    "Group.CallbackAfterGroupInfoChanged": groups.GroupProfileChangedSchema(),
    "Group.CallbackAfterChangeGroupOwner": groups.GroupOwnerChangedSchema(),
    "Group.CallbackAfterGroupFull": groups.GroupFullSchema(),
    "Group.CallbackAfterGroupDestroyed": groups.GroupDestroyedSchema(),
    "Group.CallbackAfterNewMemberJoin": groups.MembersJoinedSchema(),
    "Group.CallbackAfterMemberExit": groups.MembersLeftSchema(),
    "Group.CallbackAfterMemberFieldChanged": groups.MemberChangedSchema(),
    "Group.CallbackAfterGroupAttrChanged": groups.AttributesChangedSchema(),
    "Group.CallbackAfterCreateTopic": topics.TopicCreatedSchema(),
    "Group.CallbackAfterTopicInfoChanged": topics.TopicChangedSchema(),
    "Group.CallbackAfterTopicDestroyed": topics.TopicDestroyedSchema(),
}
