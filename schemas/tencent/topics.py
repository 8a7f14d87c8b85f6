"""Bodies of ``Group.*`` about topics: each belongs to the history of its community group.

Source: Tencent Cloud Chat, "Group Webhooks", one page for each command, named in its docstring.
"""

from models.vocabulary import Action
from schemas.tencent.groups import GroupProfileChangedSchema, GroupSchema
from schemas.tencent.wire import TextOrTexts, list_field, text_field


class TopicCreatedSchema(GroupSchema):
    """``Group.CallbackAfterCreateTopic``: https://trtc.io/document/49464.

    Name and owner are the topic's.
    """

    action = Action.TOPIC_CREATED
    undocumented = frozenset({"event_time"})

    topic_id = text_field("TopicId")
    custom_fields = list_field("UserDefinedDataList")


class TopicChangedSchema(GroupProfileChangedSchema):
    """``Group.CallbackAfterTopicInfoChanged``: https://trtc.io/document/49466.

    It does not tell the topic.
    """

    action = Action.TOPIC_CHANGED
    undocumented = frozenset({"owner", "event_time", "custom_fields"})


class TopicDestroyedSchema(GroupSchema):
    """``Group.CallbackAfterTopicDestroyed``: https://trtc.io/document/49465.

    ``TopicIdList`` is a string in Tencent's table and a list in its sample: both are taken.
    """

    action = Action.TOPIC_DESTROYED
    undocumented = frozenset({"operator", "owner", "name", "event_time"})

    topic_ids = TextOrTexts("TopicIdList")
