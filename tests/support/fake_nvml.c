// What NVIDIA's management library tells of the machine that FAKE_NVML_GPUS describes, a GPU a line:
// "name|UUID|major.minor|bytes|UUID of the part that MIG cuts off, or -". FAKE_NVML_FAILS, "function=code", fails.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_SUPPORTED = 3, NOT_FOUND = 6, MOST = 16 };

struct gpu {
  char name[96], uuid[96], part[96];
  int major, minor;
  unsigned long long bytes;
  char is_part; // its address is the handle of the part
};
struct memory { unsigned long long total, free, used; };

static struct gpu gpus[MOST];
static unsigned count;

#define ANSWER(function)                                                                                               \
  do {                                                                                                                 \
    const char *fails = getenv("FAKE_NVML_FAILS");                                                                     \
    if (fails && !strncmp(fails, function "=", strlen(function) + 1)) return atoi(fails + strlen(function) + 1);       \
  } while (0)

static struct gpu *whole(void *handle) {
  return &gpus[((char *)handle - (char *)gpus) / sizeof(struct gpu)];
}

static int is_part(void *handle) { return handle != whole(handle); }

int nvmlInitWithFlags(unsigned flags) {
  ANSWER("init");
  const char *text = getenv("FAKE_NVML_GPUS");
  for (count = 0; text && *text; count++) {
    struct gpu *gpu = &gpus[count];
    sscanf(text, "%95[^|]|%95[^|]|%d.%d|%llu|%95[^\n]", gpu->name, gpu->uuid, &gpu->major, &gpu->minor, &gpu->bytes,
           gpu->part);
    text = strchr(text, '\n') ? strchr(text, '\n') + 1 : "";
  }
  return 0;
}

int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code) { return "Unknown Error"; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
  snprintf(version, length, "535.104.05");
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned *found) {
  ANSWER("count");
  *found = count;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  ANSWER("handle");
  *handle = &gpus[index];
  return 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
  for (unsigned i = 0; i < count; i++) {
    if (!strcmp(uuid, gpus[i].part)) {
      *handle = &gpus[i].is_part;
      return 0;
    }
  }
  return NOT_FOUND;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *part, void **handle) {
  *handle = whole(part);
  return 0;
}

int nvmlDeviceGetIndex(void *handle, unsigned *index) {
  *index = whole(handle) - gpus;
  return is_part(handle) ? NOT_SUPPORTED : 0;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned length) {
  snprintf(name, length, "%s%s", whole(handle)->name, is_part(handle) ? " MIG 1g.5gb" : "");
  return 0;
}

int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned length) {
  snprintf(uuid, length, "%s", is_part(handle) ? whole(handle)->part : whole(handle)->uuid);
  return 0;
}

int nvmlDeviceGetMemoryInfo(void *handle, struct memory *memory) {
  ANSWER("memory");
  memory->total = whole(handle)->bytes / (is_part(handle) ? 8 : 1);
  return 0;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
  ANSWER("capability");
  *major = whole(handle)->major;
  *minor = whole(handle)->minor;
  return is_part(handle) ? NOT_SUPPORTED : 0;
}
