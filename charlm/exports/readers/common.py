"""The end of every program that reads an exported model. The start has a function ``load``."""


def encode(text, about):
    """Return the ids of a text: first what comes before it, last its end if the model learned lines or documents."""
    if about["bytes"]:
        symbols = [f"<0x{byte:02X}>" for byte in text.encode("utf-8", "surrogateescape")]
    else:
        symbols = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if about["normalize"] != "none":
            symbols = unicodedata.normalize(about["normalize"], symbols)
    number = {symbol: i for i, symbol in enumerate(about["symbols"])}
    if about["unknown"] is None:
        ids = [number[symbol] for symbol in symbols]
    else:
        ids = [number.get(symbol, about["unknown"]) for symbol in symbols]
    return [about["start"], *ids, *([] if about["eos"] is None else [about["eos"]])]


if __name__ == "__main__":
    model = load(sys.argv[1])
    ids = encode(sys.argv[2], model.about)
    log_p = model.log_probabilities(ids[:-1])
    for row, symbol in zip(log_p, ids[1:]):
        print(f"{row[symbol]:9.4f}  {model.about['symbols'][symbol]!r}")
