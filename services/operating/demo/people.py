"""The people of the made-up app, the names of its groups, and what is said there."""

from random import Random

WESTERN = (
    "olivia noah amara liam sofia kenji priya lucas emma mateo ines oscar nora tariq",
    "hart becker okafor rossi sato nair silva jensen novak moreau costa lind haddad byrne",
)
CHINESE = (
    "zhang li wang chen liu yang zhao huang zhou wu xu sun ma zhu hu lin guo he gao",
    "wei min fang jie ting hao mei lei bin na jun xin yan tao ning rui",
)
USERS = [
    f"{first}.{last}"
    for firsts, lasts in (WESTERN, CHINESE)
    for first in firsts.split()
    for last in lasts.split()
]
Random(500).shuffle(USERS)  # noqa: S311 (no secrets here)
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
    "Garden Plot 14",
    "上海租房互助",
    "Film Club",
    "考研打卡",
    "Invoices Q4",
    "小区团购",
    "Allotment Swap",
    "摄影作品点评",
    "Sunday League",
    "年会筹备",
    "Language Tandem 语言交换",
    "Roof Repair",
    "咖啡爱好者",
    "Pub Quiz",
    "奶爸交流",
    "Data Platform",
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
