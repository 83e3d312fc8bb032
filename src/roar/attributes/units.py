"""Units of measure and counted nouns, as shops of many languages write them. Data, no code; add lines freely.

Every line is `fact, base unit, factor to the base unit: spellings`, folded as `folding.fold` leaves them (lower case, no
accents). In a spelling a blank may be written as a blank, a full stop, both or neither ("fl oz" reads "fl. oz." and "floz").
"""

from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure."""

    fact: str
    """What is measured."""
    base: str
    """The unit in which `read` gives values of this fact."""
    factor: float
    """Size in the base unit."""
    name: str
    """The first spelling of its line: one name for all spellings."""


_TABLE = """
length m 0.001: mm millimeter millimetre millimetro millimetri milimetro milimetros мм миллиметр 毫米 ミリメートル ミリ ملم مم 밀리미터 मिमी 밀리
length m 0.01: cm centimeter centimetre centimetro centimetri zentimeter centymetr см сантиметр 厘米 公分 センチ センチメートル سم 센티미터 센티 센치 सेमी सेंटीमीटर
length m 1: m meter metre metro metros metri metrow mtr м метр метра метров 米 メートル متر 미터 मीटर
length m 0.0254: in inch inche zoll pouce pulgada pollici pollice дюйм дюйма дюймов 英寸 寸 インチ بوصة 인치 इंच cali cale
length m 0.3048: ft feet foot fuss pied pies фут 英尺 फुट फीट
length m 0.9144: yd yard
length m 1000: km kilometer kilometre километр км 公里 킬로미터 किमी
length m 0.0000254: mil
area m2 1: m2 sqm sq_m qm square_meter square_metre quadratmeter 平方米 平米 кв_м
area m2 0.092903: sqft sq_ft square_foot square_feet
volume l 0.001: ml milliliter millilitre mililitro millilitri мл миллилитр 毫升 ミリリットル مل ملل مليلتر 밀리리터 मिली मिलीलीटर एमएल
volume l 0.001: cc ccm cm3
volume l 0.01: cl centiliter centilitre zentiliter сл
volume l 0.1: dl deciliter
volume l 1: l lt ltr lit liter litre litro litri л литр литра литров 升 公升 リットル لتر ليتر 리터 लीटर लिटर ली litry litrow
volume l 0.0295735: fl_oz fluid_ounce fluid_oz
volume l 0.473176: pt pint pinte
volume l 0.946353: qt quart
volume l 3.78541: gal gallon галлон
volume l 28.3168: cu_ft cubic_ft cubic_foot cubic_feet cft
volume l 1000: m3 cbm
mass kg 0.000000001: mcg µg μg ug microgram mikrogramm мкг 微克
mass kg 0.000001: mg milligram milligramm miligramo milligrammo мг миллиграмм 毫克 ملغ ملجم 밀리그램 मिग्रा मिलीग्राम
mass kg 0.001: g gr gm gram gramm gramme gramo grammi г гр грамм граммов 克 グラム غرام جرام جم غ 그램 ग्राम gramow gramy
mass kg 1: kg kgs kilo kilogram kilogramm kilogramme kilogramo кг килограмм килограмма 公斤 千克 キロ キログラム كجم كغ كيلو كيلوغرام كيلوجرام 킬로그램 킬로 किलो किग्रा किलोग्राम килограммов
mass kg 0.5: 斤
mass kg 0.0283495: oz ounce unze once
mass kg 0.453592: lb lbs pound
mass kg 1000: ton tonne tonnen
storage GB 0.000001: kb
storage GB 0.001: mb mo megabyte мб
storage GB 1: gb go gig giga gigabyte гб гигабайт ギガ جيجا جيجابايت غيغا غيغابايت 기가 기가바이트 जीबी
storage GB 1000: tb to terabyte тб терабайт 테라 테라바이트 टीबी
power W 1: w watt wat ватт вт 瓦 ワット واط وات 와트 वाट वॉट watow
power W 1000: kw kilowatt квт 킬로와트
power W 745.7: hp horsepower ps 马力
voltage V 1: v volt volts vdc vac вольт в 伏 ボルト فولت 볼트 वोल्ट wolt
current A 1: a amp amps ampere 安 ампер
current A 0.001: ma milliamp
charge Ah 0.001: mah мач 毫安 毫安时 ミリアンペア 밀리암페어 एमएएच
charge Ah 1: ah amp_hour
energy Wh 1: wh watt_hour
energy Wh 1000: kwh
frequency Hz 1: hz hertz гц ヘルツ
frequency Hz 1000: khz
frequency Hz 1000000: mhz
frequency Hz 1000000000: ghz
resolution MP 1: mp mpx mpix megapixel mega_pixel megapixeles мп 万像素 화소
density dpi 1: dpi
rotation rpm 1: rpm u/min об/мин
heat BTU 1: btu
light lm 1: lm lumen люмен лм 流明 ルーメン ansi_lumen ansi_lumens 루멘
loudness dB 1: db decibel
pressure bar 1: bar
pressure bar 0.0689476: psi
pressure bar 1.01325: atm
resistance ohm 1: ohm ом 옴 欧姆
grammage g/m2 1: gsm g/m2 g/qm g/sqm
torque Nm 1: nm newton_meter
data_rate Mbit/s 1: mbps mbit/s
data_rate Mbit/s 1000: gbps gbit/s
data_rate Mbit/s 8: mb/s mo/s
data_rate Mbit/s 8000: gb/s
colour_temperature K 1: k kelvin кельвин к
temperature C 1: °f ℉ fahrenheit degree_fahrenheit degrees_f
temperature C 1: °c ℃ celsius grad_celsius degree_celsius degrees_c
angle deg 1: degree deg °
percent % 1: % percent prozent per_cent pourcent por_ciento процент процентов パーセント ٪ 퍼센트 प्रतिशत
strength IU 1: iu i.u. ie i.e. ui u.i. ме м.е. 国际单位
cultures CFU 1: cfu kbe ufc кое
cultures CFU 1000000: million_cfu mio_kbe millionen_kbe
cultures CFU 1000000000: billion_cfu bn_cfu b_cfu mrd_kbe milliarden_kbe milliards_d'ufc млрд_кое billion billion_live_cultures milliards_ufc miliardi_ufc mil_millones_ufc
carat ct 1: carat karat kt ctw cttw ct_tw carat_weight carati quilates каратов
time s 1: second sec sekunde секунд 秒
time s 60: min minute minuten minuti minuto мин минут 分钟 分 분
time s 3600: h hr hour hrs stunde stunden heure hora horas ore час часа часов 小时 時間 시간
time s 86400: day tage jour dia giorni дней
time s 604800: week woche wochen semaine недель
time s 2629800: month mo. monat monate mois mese mesi meses месяц месяцев месяца
time s 31557600: year yr jahr jahre jahren ans anno anni ano anos лет год года 歳
ply ply 1: ply lagig
ports ports 1: port
cups cups 1: cup tasse
discs discs 1: disc
lights lights 1: light lamp_set
gauge gauge 1: gauge awg
flow l/min 1: l/min lpm л/мин
flow l/min 3.78541: gpm gal/min
flow l/min 28.3168: cfm
flow l/min 0.0166667: l/h lph
flush l 3.78541: gpf
frame_rate fps 1: fps к/с 帧
concentration mg/ml 1: mg/ml g/l мг/мл 毫克/毫升
concentration mg/ml 0.001: mcg/ml µg/ml
speed km/h 1: km/h kmh kph
speed km/h 1.609344: mph
denier den 1: denier den
"""

COUNTED = """
pack pk pcs pc pce piece ct count cnt unit item each tablet tab caplet capsule cap pill softgel gummy gummie lozenge sachet teabag
tea_bag bag sheet roll wipe pad diaper nappy nappie bottle can box bar pod pouch pair set stick serving blade refill tissue
towel envelope battery batterie cartridge filter bulb egg slice portion dose ampoule vial patch strip carton case sleeve
tube jar tin tub pen pencil crayon marker brush brushe card screw nail bolt nut washer hook tile plate mug glass glasse
wash washe load lavage lavado lavaggio lavaggi waschladungen waschgange waschladung wl dosettes
stuck stucke stk tablette tabletten kapsel kapseln beutel flasche flaschen dosen rolle rollen blatt paar er packung
packungen teilig tlg teile teil tucher binden windeln
pieces comprime gelule bouteille canette unite dosette rouleau rouleaux feuille lingette couche paire
pieza comprimido capsula unidade unidad unidades sobre botella botellas lata latas rollo hoja par ud uds
pezzo pezzi compressa compresse bustina bustine bottiglia bottiglie lattina lattine rotolo rotoli pz foglio fogli
stuks stuk zakjes flessen blikjes
sztuk sztuki szt opakowan opakowania paczka rolek kapsulki tabletki tabletek kapsulek saszetek butelek
шт штук штука штуки таблетка таблетки таблеток капсула капсулы капсул пакетик пакетиков пар пары бутылок упаковка упаковок салфеток рулонов
개 병 캔 팩 매 봉 박스 세트 정 알 캡슐 롤 켤레 입 포 개입 매입 봉지 장 자루 상자 통
पैक पीस गोली गोलियां टैबलेट कैप्सूल बोतल बोतलें नग
个 個 片 粒 包 袋 瓶 罐 枚 本 件 支 盒 錠 卷 只 双 颗 顆 条 張 张 套 箱 箱入 部 台 把 块 塊 丸 玉 足 组 組 個セット ロール カプセル パック 個入 個入り 枚入 枚入り 本入 本入り 包入 袋入 袋入り 粒入 瓶装 罐装 件装 个装 片装 包装 支装 盒装
قطعة قطع حبة حبات كبسولة كبسولات قرص أقراص علبة عبوة زجاجة
"""
"""Nouns that make a number before them a count of what is in the pack."""

GLUED_ONLY = frozenset(
    [
        "a",
        "p",
        "mo",
        "to",
        "cd",
        "pc",
        "er",
        "go",
        "ps",
        "h",
        "в",
        "mil",
        "den",
        "分",
        "寸",
        "本",
        "正",
        "只",
        "条",
        "件",
        "ma",
        "once",
        "dose",
        "par",
        "sobre",
        "lt",
    ]
)
"""Too short, or too often words, to trust after a blank ("4 to 6", "size 10 m"): read only where written onto the number."""

SMALL = frozenset(["k", "ml", "g", "mg", "mcg", "mm", "mah", "w", "lm", "rpm", "iu"])
"""Units of which nobody buys thousandths: "1.500 ml" has a thousands mark."""


def _table() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        head, spellings = line.split(":", 1)
        fact, base, factor = head.split()
        names = [spelling.replace("_", " ") for spelling in spellings.split()]
        table.update({name: Unit(fact, base, float(factor), names[0]) for name in names if name not in table})
    for noun in COUNTED.split():
        table.setdefault(noun.replace("_", " "), Unit("count", "", 1.0, "pack"))
    plurals = {
        f"{name}s": unit
        for name, unit in table.items()
        if name.isascii() and name.replace(" ", "").isalpha() and len(name) > 2
    }
    return plurals | table


UNITS: dict[str, Unit] = _table()
"""Spelling to unit; Latin spellings of three letters and more have their plural in s."""
