"""The shell does all I/O. It runs the core, and decides nothing about SMS.

process, supervisor, signals   sockets, worker processes, signals
application, wiring            the parts that one configuration makes, and their reload
server, client                 HTTP from clients, HTTP to providers
runtime, aio                   effects of the core, and tools for asyncio
store, delivery                the store, and the background workers on it
config, observability          settings, logs, metrics and health
operations                     the commands beside `serve`, and the sandbox
"""
