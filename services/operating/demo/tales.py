"""The memorable stories of the week."""

from models.clock import HOUR
from services.operating.demo.people import NOTICES, USERS
from services.operating.demo.story import Group, Story

RIVERSIDE = "@TGS#2RIVERSIDE"
PHOENIX = "phoenix-club"
BRIEFING, NIGHT_MARKET = "@TOA#_daily_briefing", "@TOA#_night_market"
MAKERS = "@TGS#_@TGS#cMAKERS62CJ"
INVITED = 32  # at once


def tell_riverside(story: Story) -> None:
    """A group is renamed four times, has all users as members, and is disbanded at night."""
    group = Group(RIVERSIDE, "Riverside Neighbours", "olivia.hart", ["olivia.hart", *USERS[:20]])
    story.create(story.on(6, "09:12:44"), group)
    for number, start in enumerate(range(0, len(USERS), INVITED)):
        at = story.on(6, "10:20:31") + number * 5 * HOUR
        story.add(at, group, USERS[number % 5], USERS[start : start + INVITED])
    for days_ago, clock, operator, fields in (
        (5, "18:30:12", "noah.becker", {"Name": "Riverside Neighbours & Friends"}),
        (4, "08:05:51", "zhang.min", {"Name": "河滨邻里", "Introduction": "河滨街区的邻居们"}),
        (2, "11:20:37", "zhang.min", {"Name": "河滨集市 Riverside", "Notification": NOTICES[0]}),
        (1, "19:55:26", "amara.okafor", {"Name": "Riverside Market (official)"}),
    ):
        story.change(story.on(days_ago, clock), group, operator, **fields)
    story.hand_over(story.on(3, "20:41:09"), group, "zhang.min")
    story.tell(story.on(2, "21:15:02"), "Group.CallbackAfterGroupFull", GroupId=RIVERSIDE)
    story.disband(story.on(0, "03:42:07"), group, "bot_cleanup")


def tell_phoenix(story: Story) -> None:
    """One ID is used three times."""
    for owner, name, begin, end in (
        ("sofia.rossi", "Phoenix Book Club", (5, "10:00:13"), (4, "16:20:40")),
        ("kenji.sato", "Phoenix Book Club II", (4, "16:45:02"), (2, "21:10:55")),
        ("li.wei", "凤凰读书会", (1, "09:30:27"), None),
    ):
        group = Group(PHOENIX, name, owner, [owner, *story.some_users(5, 12)])
        story.create(story.on(*begin), group)
        story.add(story.on(*begin) + HOUR, group, owner, story.some_users(3, 6))
        if end is not None:
            story.disband(story.on(*end), group, owner)


def tell_channels(story: Story) -> None:
    """One official channel changes day by day, another one comes and goes."""
    command, owner = "OfficialAccount.CallbackAfter", "noah.becker"
    for channel, name, day in ((BRIEFING, "Daily Briefing", 6), (NIGHT_MARKET, "夜市快讯", 3)):
        named = {"Official_Account": channel, "Owner_Account": owner, "Name": name}
        story.tell(
            story.on(day, "08:00:21"), f"{command}CreateOfficialAccount", "administrator", **named
        )
    unchanged = dict.fromkeys(("Name", "Introduction", "FaceUrl", "Organization"))
    for days_ago, changed in (
        (5, {"Introduction": "What happened, in five minutes"}),
        (4, {"Name": "Daily Briefing 每日简报"}),
        (3, {"FaceUrl": "https://cdn.example.com/briefing-2.png"}),
        (2, {"Organization": "Riverside Media"}),
        (1, {"Introduction": "What happened, in five minutes. 五分钟了解今天"}),
        (0, {"Name": "每日简报 Daily Briefing"}),
    ):
        story.tell(
            story.on(days_ago, "03:10:00") + days_ago * HOUR / 7,
            f"{command}OfficialAccountInfoChanged",
            "emma.novak",
            Official_Account=BRIEFING,
            **{**unchanged, **changed},
        )
    story.tell(story.on(1, "22:15:48"), f"{command}OfficialAccountDestroyed", **named)


def tell_makers(story: Story) -> None:
    """A community has topics."""
    group = Group(MAKERS, "Makers 创客社区", "priya.nair", story.some_users(30, 40), "Community")
    story.create(story.on(6, "07:40:18"), group)
    topics = [f"{MAKERS}@TOPIC#_@TOPIC#c{name}" for name in ("PRINT3D", "SOLDER", "TEXTIL")]
    for number, (topic, name) in enumerate(
        zip(topics, ("3D Printing", "Soldering 焊接", "Textiles"), strict=True)
    ):
        at = story.on(5, "12:30:05") + number * HOUR
        has = {"Owner_Account": group.owner, "Name": name, "UserDefinedDataList": None}
        story.tell_of(group, at, "CreateTopic", group.owner, TopicId=topic, **has)
    unchanged = dict.fromkeys(("Introduction", "Notification", "FaceUrl"))
    changed = {"Name": "3D Printing & CNC", **unchanged}
    story.tell_of(group, story.on(3, "15:05:33"), "TopicInfoChanged", group.owner, **changed)
    story.tell_of(group, story.on(2, "18:22:40"), "TopicDestroyed", TopicIdList=topics[-1:])


def tell_slip(story: Story) -> None:
    """A callback cannot be read, as it does not say which group it is about."""
    story.tell(story.on(1, "11:11:54"), "Group.CallbackAfterGroupFull", GroupId=None)
