"""Some days in the lives of a few channels and groups."""

from itertools import count

from tests.payloads import (
    channel_changed,
    channel_created,
    channel_destroyed,
    group_changed,
    group_created,
    group_destroyed,
    sample,
)

DESIGN = "@TGS#design"
USERS = ["li.wei", "zhang.min", "wang.fang", "chen.jie", "liu.yang", "olivia", "noah", "amara"]


def tell_story(deliver, clock):
    """Deliver the callbacks of two days, some of them wrong."""
    numbers = count(1)

    def happen(body, hours=1.0, **options):
        clock.move(hours=hours)
        deliver({**body, "EventTime": int(clock.now.timestamp() * 1000)}, **options)

    def members(*names):
        return [{"Member_Account": name} for name in names]

    happen(
        group_created(
            GroupId=DESIGN,
            Name="Design",
            Owner_Account="li.wei",
            Operator_Account="li.wei",
            MemberList=members("li.wei", "zhang.min"),
        )
    )
    happen(
        channel_created(
            Official_Account="@TOA#_news",
            Name="每日新闻",
            Owner_Account="olivia",
            Operator_Account="olivia",
        )
    )
    happen(
        sample(
            "CallbackAfterNewMemberJoin",
            GroupId=DESIGN,
            Operator_Account="li.wei",
            NewMemberList=members(*USERS[2:]),
        )
    )
    happen(
        group_changed(
            GroupId=DESIGN,
            Name="Design & Research",
            Notification="Crit on Thursdays,\n10:00 in room 4",
            Operator_Account="zhang.min",
        ),
        3,
    )
    happen(
        sample(
            "CallbackAfterChangeGroupOwner",
            GroupId=DESIGN,
            Operator_Account="li.wei",
            OldOwner_Account="li.wei",
            NewOwner_Account="zhang.min",
        ),
        20,
    )
    for _ in range(9):
        number = next(numbers)
        happen(
            group_created(
                GroupId=f"@TGS#team{number}",
                Name=f"Team {number}",
                Owner_Account=USERS[number % 8],
                Operator_Account=USERS[number % 8],
            ),
            0.7,
        )
    happen(
        channel_changed(Official_Account="@TOA#_news", Name="每日要闻", Operator_Account="olivia")
    )
    happen({"CallbackCommand": "Group.CallbackAfterSendMsg", "GroupId": DESIGN}, 0.2)
    happen({"CallbackCommand": "Group.CallbackAfterGroupFull"}, 0.5)
    happen(group_created(GroupId="@TGS#team1"), 0.4, query={"Sign": "0" * 64})
    happen(
        channel_destroyed(Official_Account="@TOA#_news", Name="每日要闻", Owner_Account="olivia"), 2
    )
    happen(
        group_destroyed(
            GroupId=DESIGN,
            Name="Design & Research",
            Operator_Account="zhang.min",
            Owner_Account="zhang.min",
            MemberList=members(*USERS),
        ),
        1.5,
    )
    clock.move(minutes=12)
