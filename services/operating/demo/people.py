"""Who is in the made-up app, what its groups are called, and what is said there."""

GIVEN_NAMES = (
    "olivia noah amara liam sofia kenji priya lucas emma zhang li wang chen liu yang zhao huang "
    "zhou wu xu sun ma zhu hu lin"
)
FAMILY_NAMES = (
    "hart becker okafor rossi sato nair silva jensen novak wei min fang jie yang ting hao mei lei "
    "bin na"
)
USERS = tuple(
    f"{given}.{family}" for given in GIVEN_NAMES.split() for family in FAMILY_NAMES.split()
)
BOTS = ("administrator", "bot_cleanup")
NAMES = (
    "Design Weekly",
    "产品讨论组",
    "Weekend Hikers",
    "三年二班家长群",
    "Support Europe",
    "售后支持",
    "Night Market Fans",
    "周末徒步",
    "Release Train",
    "午餐拼单",
    "Sourdough Circle",
    "新人欢迎群",
    "Marathon 2027",
    "羽毛球俱乐部",
    "Board Game Thursday",
    "海港摄影 Harbour Photographers",
    "On-call Handover",
    "读书会",
    "Lost & Found",
    "二手交易",
    "Python Study Group",
    "城市骑行",
    "Choir Rehearsals",
    "Family 一家人",
)
NOTICES = (
    "Next meeting: Thursday, 19:00",
    "请先阅读群规",
    "Please keep it friendly.",
    "本周六的活动改到周日",
)
MESSAGES = (
    "See you there!",
    "收到",
    "Who has the key?",
    "明天见",
    "Thanks a lot",
    "好的",
)
