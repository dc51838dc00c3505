"""Reference data the province is made of: regions, industries, banks, lenders, parties everybody pays. Stated subsets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bank:
    """A bank of the province: id, name, how its account numbers look (prefix and length), 12-digit payment code."""

    bank_id: str
    name: str
    prefix: str
    digits: int
    bank_no: str

    @property
    def acct_regex(self) -> str:
        return f"^{self.prefix}[0-9]{{{self.digits - len(self.prefix)}}}$"


_BANK_NAMES = [
    "桂江银行",
    "邕城银行",
    "柳北商业银行",
    "漓水银行",
    "梧州湾银行",
    "北部湾农商银行",
    "钦海银行",
    "贵糖村镇银行",
    "玉东银行",
    "右江农信社",
    "贺水银行",
    "龙城银行",
]
BANKS = tuple(
    Bank(f"B{i:04d}", name, f"{20 + i}{i % 10}", 12 + (i * 5) % 8, f"3{10 + i:02d}611{i:06d}")
    for i, name in enumerate(_BANK_NAMES, start=1)
)
BRANCHES = 4
"""Branches of every bank; branch_id = four digits of the bank, two of the branch."""

LENDERS = (
    *((b.bank_id, b.name, "BANK") for b in BANKS),
    ("L0001", "桂惠小额贷款公司", "SMALL_LOAN"),
    ("L0002", "邕融小额贷款公司", "SMALL_LOAN"),
    ("L0003", "北湾融资租赁公司", "LEASING"),
    ("L0004", "江山供应链金融公司", "OTHER"),
)

# region6, county or district, city
REGIONS = (
    ("450103", "青秀区", "南宁"), ("450203", "鱼峰区", "柳州"), ("450302", "秀峰区", "桂林"), ("450403", "万秀区", "梧州"),
    ("450502", "海城区", "北海"), ("450602", "港口区", "防城港"), ("450702", "钦南区", "钦州"), ("450802", "港北区", "贵港"),
    ("450902", "玉州区", "玉林"), ("451002", "右江区", "百色"), ("451102", "八步区", "贺州"), ("451202", "金城江区", "河池"),
    ("451302", "兴宾区", "来宾"), ("451402", "江州区", "崇左"),
)  # fmt: skip
REGION_WEIGHTS = (24, 14, 12, 5, 5, 3, 6, 6, 9, 5, 3, 3, 3, 2)
OTHER_REGIONS = (
    ("440106", "天河区", "广州"), ("440305", "南山区", "深圳"), ("310115", "浦东新区", "上海"), ("330106", "西湖区", "杭州"),
    ("430102", "芙蓉区", "长沙"), ("520102", "南明区", "贵阳"), ("530102", "五华区", "昆明"), ("460105", "秀英区", "海口"),
)  # fmt: skip
RETIRED_REGIONS = (("450122", "武鸣县", "南宁", "2015-03-15", "450110"), ("451281", "宜州市", "河池", "2016-12-20", "451203"))

# archetype, industry4, name
INDUSTRIES = (
    (0, "C1340", "制糖业"), (0, "C2021", "胶合板制造"), (0, "C2110", "木质家具制造"), (0, "C2926", "塑料包装箱及容器制造"),
    (0, "C3311", "金属结构制造"), (0, "C3670", "汽车零部件及配件制造"), (0, "C3911", "计算机整机制造"),
    (1, "F5121", "米、面制品及食用油批发"), (1, "F5131", "纺织品、针织品及原料批发"), (1, "F5164", "金属及金属矿批发"), (1, "F5165", "建材批发"),
    (2, "F5211", "百货零售"), (2, "F5212", "超级市场零售"), (2, "F5251", "西药零售"), (2, "F5292", "互联网零售"),
    (3, "H6110", "旅游饭店"), (3, "H6210", "正餐服务"), (3, "H6220", "快餐服务"),
    (4, "E4710", "住宅房屋建筑"), (4, "E4819", "其他道路、隧道和桥梁工程建筑"), (4, "E5011", "公共建筑装饰和装修"),
    (5, "I6513", "应用软件开发"), (5, "L7231", "律师及相关法律服务"), (5, "L7241", "会计、审计及税务服务"), (5, "O8111", "汽车修理与维护"),
    (5, "G5430", "道路货物运输"),
    (6, "A0141", "蔬菜种植"), (6, "A0313", "猪的饲养"), (6, "A0171", "中药材种植"),
)  # fmt: skip

# parties that many firms pay or are paid by: key, name, kind, list
PARTIES = (
    ("treasury", "国家金库广西分库", "gov", "treasury"),
    ("social", "社会保险基金财政专户", "gov", "social"),
    ("court", "南宁市青秀区人民法院", "gov", "court"),
    ("power", "桂南供电公司", "corp", "utility"),
    ("water", "邕江水务公司", "corp", "utility"),
    ("acquirer1", "银桥收单服务公司", "fin", "acquirer"),
    ("acquirer2", "桂商收单服务公司", "fin", "acquirer"),
    ("platform1", "云付网络支付公司", "platform", "platform"),
    ("platform2", "易集电子商务平台公司", "platform", "platform"),
    ("insurer", "北湾财产保险公司", "fin", "insurer"),
    ("wealth", "桂江理财公司", "fin", "wealth"),
    ("freight1", "西江物流公司", "corp", "logistics"),
    ("freight2", "五桂快运公司", "corp", "logistics"),
    ("travel", "漓江商旅服务公司", "corp", "travel"),
    ("risk1", "星辉网络娱乐公司", "corp", "risk"),
    ("risk2", "金盾数字交易公司", "corp", "risk"),
)  # fmt: skip

# key-enterprise tags (domain E) that are published as lists: code, level, who publishes, years a term lasts, share of firms
TAGS = (
    ("01", "PROVINCE", "自治区工业和信息化厅", 3, 0.020), ("02", "NATIONAL", "工业和信息化部", 3, 0.004), ("03", "PROVINCE", "自治区工业和信息化厅", 3, 0.030),
    ("04", "NATIONAL", "工业和信息化部", 3, 0.002), ("05", "PROVINCE", "自治区大数据发展局", 1, 0.003), ("06", "NATIONAL", "全国高新技术企业认定管理办公室", 3, 0.030),
    ("07", "NATIONAL", "科学技术部", 1, 0.040), ("08", "PROVINCE", "自治区科学技术厅", 3, 0.006), ("09", "PROVINCE", "自治区科学技术厅", 2, 0.001),
    ("10", "NATIONAL", "商务部", 3, 0.003), ("11", "PROVINCE", "自治区发展和改革委员会", 3, 0.006), ("12", "NATIONAL", "国家知识产权局", 3, 0.006),
    ("13", "PROVINCE", "自治区工业和信息化厅", 3, 0.006), ("14", "PROVINCE", "自治区工业和信息化厅", 3, 0.006), ("16", "PROVINCE", "自治区农业农村厅", 2, 0.006),
    ("21", "NATIONAL", "海关总署", 3, 0.004), ("23", "PROVINCE", "自治区商务厅", 5, 0.003), ("24", "CITY", "市文化广电和旅游局", 2, 0.003),
    ("25", "CITY", "市民政局", 2, 0.005),
)  # fmt: skip

CURRENCIES = (
    ("CNY", 2, 1.0),
    ("USD", 2, 7.12),
    ("EUR", 2, 7.74),
    ("HKD", 2, 0.912),
    ("JPY", 0, 0.0489),
    ("THB", 2, 0.2041),
    ("VND", 0, 0.000286),
)
ALIASES = ("RMB", "156", "01")
"""Names some cores still send for CNY; accepted with a warning."""

SUBJECTS = {"DEMAND": "201101", "NOTICE": "201102", "TIME": "201201", "MARGIN": "201301"}


def special_code(index: int) -> int:
    """Counterparty code of PARTIES[index], and after them of LENDERS: -2, -3, …"""
    return -2 - index


PARTY_CODE = {key: special_code(i) for i, (key, *_rest) in enumerate(PARTIES)}
LENDER_CODE = {lender: special_code(len(PARTIES) + i) for i, (lender, *_rest) in enumerate(LENDERS)}


def special_account(code: int) -> str:
    """Account number of a special party: 15 digits starting with 9, which no bank of the province uses for firms."""
    return f"9{-code:06d}{(-code * 7919) % 100000000:08d}"
