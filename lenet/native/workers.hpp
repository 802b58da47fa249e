// Threads that wait without spinning, shared by all calls of a process.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

class Workers {
 public:
  // The workers of this process. A forked child has none of its parent's threads, and makes new ones. They are never
  // deleted: threads that wait when the process ends must not find the lock destroyed.
  static Workers& get() {
    static std::atomic<Workers*> current{nullptr};
    Workers* found = current.load();
    while (!found || found->process_ != getpid()) {
      Workers* made = new Workers;
      if (current.compare_exchange_strong(found, made)) return *made;
      delete made;
    }
    return *found;
  }

  // Call `work` on this thread and on up to `threads` - 1 others at once, and return when all calls have. `work` takes
  // its share from a counter: a worker that wakes after the others have done everything is not waited for. The first
  // exception of a call is thrown here.
  void run(int threads, const std::function<void()>& work) {
    std::lock_guard<std::mutex> one_at_a_time(calls_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      while (started_ < threads - 1) start();
      work_ = &work;
      open_ = threads - 1;
      error_ = nullptr;
    }
    if (threads > 1) wake_.notify_all();
    call(work);
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = 0;
    done_.wait(lock, [&] { return busy_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // Signals are for the program's own threads: Python handles them in its first one.
  void start() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread(&Workers::serve, this).detach();
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ++started_;
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return open_ > 0; });
      --open_;
      ++busy_;
      const std::function<void()>* work = work_;
      lock.unlock();
      call(*work);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  void call(const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  const pid_t process_ = getpid();
  std::mutex calls_;  // held by the call whose work it is
  std::mutex mutex_;  // of all that follows
  std::condition_variable wake_, done_;
  const std::function<void()>* work_ = nullptr;
  std::exception_ptr error_;
  int started_ = 0, open_ = 0, busy_ = 0;  // threads; calls that a worker may still begin; calls under way
};
