# A publisher in Python: `publish.py REDIS_URL STREAM FRAME RAW_FRAME`, the first frame through the Function, the other with a plain PUBLISH.

import sys
import redis

url, stream, numbered, raw = sys.argv[1:]
client = redis.Redis.from_url(url)
print('seq', client.fcall('tickcast_publish', 1, stream, numbered))
channel = stream[:stream.index('}') + 1]
print('receivers', client.publish(channel, raw))
