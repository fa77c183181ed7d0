"""What the gateway costs, beside other proxies and routers, on one core of this machine."""
