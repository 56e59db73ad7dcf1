"""Words that travelled with cooks, goods and guests: they tell the kitchen, not the country."""

from __future__ import annotations

from data.folding import fold, joined

__all__ = ["DISHES", "WORLD_WORDS"]


def _keys(words: str) -> frozenset[str]:
    return frozenset(joined(fold(word)) for word in words.split())


WORLD_WORDS = _keys(
    """café cafe espresso cappuccino nescafé crème crêpe crêpes croissant baguette pizza pizzeria sushi ramen wok
    taco tacos burger curry tapas paella döner kebab kebap lahmacun falafel shawarma hummus gelato
    spa yoga massage sauna karaoke taxi hotel hôtel bar"""
)
"""What shops are called in every language, by key (`data.folding.joined`)."""

DISHES = WORLD_WORDS | _keys(
    """dürüm pide börek baklava köfte ocakbaşı arepas arepa empanadas empanada churros bodega taquería burritos
    cantina churrascaria rodízio pastel boulangerie pâtisserie crêperie brasserie bistro bistrot fromagerie
    chocolatier trattoria osteria ristorante gelateria enoteca focacceria pasticceria biergarten bratwurst
    currywurst brezel konditorei gyros souvlaki taverna ταβέρνα σουβλάκι шаурма мангал шашлык пельменная pierogi
    pho phở bánh bún cơm satay mie bakmi bakso warung rendang laksa kopitiam ラーメン らーめん 居酒屋 寿司 鮨
    うどん そば とんかつ 焼肉 定食 拉面 牛肉面 火锅 点心 麻辣烫 小吃 饺子 烧烤 奶茶 치킨 불고기 dhaba
    biryani tandoori tiffin dosa"""
)
"""These, and dishes and kinds of restaurants that are words of one language, though read in many countries."""
