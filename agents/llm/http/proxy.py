"""The proxy of an address, by the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

from urllib.request import getproxies, proxy_bypass


def proxy_of(scheme: str, host: str) -> str | None:
    """Return the environment's proxy for this scheme and host, or None."""
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
