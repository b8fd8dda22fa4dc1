"""The invented world of the samples: companies, partners abroad, routes and goods.

Every company's name contains 样例 or SAMPLE and its subject identifier begins with YX, a range
not in use; check digits are valid and codes come from the official tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from services.query.codes import read_table
from services.query.identifiers import subject_check_digit, uscc_check_character

_WARES_FILE = Path(__file__).with_name("wares.tsv")


@dataclass(frozen=True)
class Party:
    """A company in China; `district` is a 国内地区 (5 characters), `division` a 行政区划 (6)."""

    name: str
    uscc: str
    customs_code: str
    district: str
    division: str


@dataclass(frozen=True)
class Partner:
    """A company abroad with the port it ships from or to."""

    country: str
    port: str
    name: str
    code: str = "NO"


@dataclass(frozen=True)
class Route:
    """A way over the border: customs of declaration, of entry or exit, port and storage place."""

    customs_district: str
    border: str
    port: str
    transport_mode: str
    place: str


@dataclass(frozen=True)
class Ware:
    """A kind of goods; `kg_each` is the weight of one quantity unit."""

    code: str
    name: str
    unit1: str
    unit2: str
    quantity_unit: str
    kg_each: Decimal
    price_usd: Decimal
    specification: str


def make_uscc(division: str, number: int) -> str:
    """A unified social credit code with valid check characters and an invented subject."""
    subject = f"YX{number:06d}"
    body = "91" + division + subject + subject_check_digit(subject)
    return body + uscc_check_character(body)


def make_container(number: int) -> str:
    """A container number with a valid check digit (ISO 6346) under the unused owner ZZZ."""
    body = f"ZZZU{number:06d}"
    total = sum(_container_value(character) << place for place, character in enumerate(body))
    return body + str(total % 11 % 10)


def _container_value(character: str) -> int:
    if character.isdecimal():
        return int(character)
    letter = ord(character) - ord("A")
    return 10 + letter + (letter + 9) // 10  # 11, 22 and 33 are left out


def party(number: int, name: str, division: str, district: str, kind: str = "6") -> Party:
    """An invented company; `kind` is the place of a customs code that tells its ownership."""
    customs_code = f"{district}{kind}9{number % 1000:03d}"
    return Party(name, make_uscc(division, number), customs_code, district, division)


MACHINES = party(1, "上海样例澄岚精密机械有限公司", "310115", "31222")
ELECTRONICS = party(2, "苏州样例海棠电子科技有限公司", "320506", "32052", "4")
TRADING = party(3, "宁波样例远帆进出口有限公司", "330206", "33022")
FOODS = party(4, "青岛样例百川食品有限公司", "370211", "37022")
GARMENTS = party(5, "广州样例云溪服饰有限公司", "440112", "44012")
WAREHOUSE = party(6, "上海样例保税仓储有限公司", "310115", "31224", "2")
BROKER = party(7, "上海样例顺程报关有限公司", "310115", "31222", "8")
BROKER_SOUTH = party(8, "深圳样例通港报关行有限公司", "440304", "44031", "8")
LONG_NAME = party(
    9,
    "厦门样例环球跨境供应链管理与综合物流服务（集团）股份有限公司"
    "海沧保税港区国际采购及分拨配送运营中心第一分公司",
    "350205",
    "35026",
    "2",
)
RARE_NAME = party(10, "北京样例㙍垚𠮷䶮仪器（亚洲）有限公司", "110105", "11059", "4")
SOUTH = party(11, "深圳样例前湾光电有限公司", "440305", "44031", "4")

PARTNERS = (
    Partner("DEU", "DEU063", "SAMPLE KESTREL COMPONENTS GMBH"),
    Partner("JPN", "JPN501", "SAMPLE TANAGER SEIKI CO., LTD.", "JP1234567890123"),
    Partner("USA", "USA264", "SAMPLE BLUE HERON TRADING LLC"),
    Partner("KOR", "KOR003", "SAMPLE CRANE ELECTRONICS CO., LTD.", "KR9990001"),
    Partner("NLD", "NLD066", "SAMPLE LAPWING DISTRIBUTION B.V.", "NLAEOC999999"),
    Partner("VNM", "VNM009", "SAMPLE EGRET MANUFACTURING JSC"),
    Partner("THA", "THA005", "SAMPLE HORNBILL RUBBER PUBLIC CO., LTD."),
    Partner("AUS", "AUS147", "SAMPLE LYREBIRD WINES PTY LTD"),
    Partner("BRA", "BRA099", "SAMPLE TOUCAN ALIMENTOS LTDA."),
    Partner("ITA", "ITA075", "SAMPLE GHIANDAIA S.R.L."),
    Partner("GBR", "GBR210", "SAMPLE DUNNOCK & SONS LTD"),
    Partner("HKG", "HKG003", "SAMPLE SWALLOW LOGISTICS (HK) LIMITED"),
    Partner("SGP", "SGP012", "SAMPLE MYNA MARINE PTE. LTD.", "SG999999999A"),
    Partner("NZL", "NZL003", "SAMPLE FANTAIL DAIRY LIMITED"),
)
PARTNER = {partner.country: partner for partner in PARTNERS}

SEA_SHANGHAI = Route("2225", "2225", "310701", "2", "外高桥样例堆场")
SEA_YANGSHAN = Route("2248", "2248", "311002", "2", "洋山样例一期堆场")
AIR_PUDONG = Route("2233", "2233", "310302", "5", "浦东机场样例货站")
SEA_NINGBO = Route("3104", "3104", "380101", "2", "北仑样例二期堆场")
SEA_QINGDAO = Route("4258", "4258", "370202", "2", "前湾样例冷库")
ROAD_HUANGGANG = Route("5301", "5301", "470201", "4", "皇岗样例车场")
SEA_YANTIAN = Route("5316", "5316", "470601", "2", "盐田样例堆场")
AIR_GUANGZHOU = Route("5141", "5141", "442301", "5", "白云机场样例货站")
SEA_NANSHA = Route("5166", "5166", "443417", "2", "南沙三期样例堆场")
ZONE_WAIGAOQIAO = Route("2218", "2225", "310703", "2", "外高桥保税区样例仓库")
ROUTES = (
    SEA_SHANGHAI,
    SEA_YANGSHAN,
    AIR_PUDONG,
    SEA_NINGBO,
    SEA_QINGDAO,
    ROAD_HUANGGANG,
    SEA_YANTIAN,
    AIR_GUANGZHOU,
    SEA_NANSHA,
)

WARES = tuple(
    Ware(
        code=row["code"],
        name=row["name"],
        unit1=row["unit1"],
        unit2=row["unit2"],
        quantity_unit=row["quantity_unit"],
        kg_each=Decimal(row["kg_each"]),
        price_usd=Decimal(row["price_usd"]),
        specification=row["specification"],
    )
    for row in read_table(_WARES_FILE)
)
WARE = {ware.code: ware for ware in WARES}

RATES = {  # how much of a currency a dollar buys, roughly
    "USD": Decimal(1),
    "EUR": Decimal("0.92"),
    "JPY": Decimal(150),
    "CNY": Decimal("7.1"),
    "GBP": Decimal("0.78"),
    "HKD": Decimal("7.8"),
}
