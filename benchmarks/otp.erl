%% What OTP takes for what processes.py and supervision.py measure of us: prints one line of JSON.
%%
%% Microseconds of CPU time, of the whole OS process, kernel included; of a restart, by the clock.
-module(otp).
-export([main/0, init/1, handle_call/3, handle_cast/2, handle_info/2, start_worker/1]).

main() ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Figures = [
        {one_way, each(5000000, fun one_way/1)},
        {ping_pong, each(3000000, fun ping_pong/1)},
        {call, each(500000, fun calls/1)},
        {spawn_server, each(400000, fun spawns/1)},
        {spawn_child, each(100000, fun children/1)},
        {child_bytes, child_bytes(100000)},
        {restart, restart(1000)}
    ],
    io:format("{~s}~n", [lists:join(",", [io_lib:format("\"~s\":~w", [Name, Value]) || {Name, Value} <- Figures])]),
    halt().

%% In a process with a heap of its own.
each(Count, Work) ->
    {Pid, Ref} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        Before = cpu_us(),
        Work(Count),
        exit({took, (cpu_us() - Before) / Count})
    end),
    receive {'DOWN', Ref, process, Pid, {took, Each}} -> Each end.

cpu_us() ->
    {ok, Stat} = file:read_file("/proc/self/stat"),
    Fields = string:lexemes(lists:last(string:split(Stat, ")", trailing)), " "),
    10000 * lists:sum([binary_to_integer(lists:nth(N, Fields)) || N <- [12, 13]]).  %% utime and stime, in ticks of 10 ms

%% To a process, as fast as may be; until the last has arrived.
one_way(Count) ->
    Self = self(),
    Receiver = spawn_link(fun() -> counted(Count, Self) end),
    spawn_link(fun() -> flood(Receiver, Count) end),
    receive landed -> ok end.

flood(_, 0) -> ok;
flood(Receiver, Left) -> Receiver ! none, flood(Receiver, Left - 1).

counted(0, Boss) -> Boss ! landed;
counted(Left, Boss) -> receive none -> counted(Left - 1, Boss) end.

%% A hop is one message: to and fro are two.
ping_pong(Hops) ->
    Self = self(),
    First = spawn_link(fun() -> player(Self) end),
    Second = spawn_link(fun() -> player(Self) end),
    First ! {peer, Second}, Second ! {peer, First}, First ! Hops - 1,
    receive landed -> ok end.

player(Boss) -> receive {peer, Peer} -> player(Boss, Peer) end.
player(Boss, Peer) ->
    receive
        0 -> Boss ! landed;
        Left -> Peer ! Left - 1, player(Boss, Peer)
    end.

calls(Count) ->
    {ok, Server} = gen_server:start_link(?MODULE, worker, []),
    [gen_server:call(Server, none) || _ <- lists:seq(1, Count)].

spawns(Count) -> [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Count)].

%% gen_servers under simple_one_for_one, each asked for by a call, and monitored.
children(Count) -> children(supervisor(1), Count).
children(Supervisor, Count) ->
    [begin {ok, Pid} = supervisor:start_child(Supervisor, []), monitor(process, Pid) end || _ <- lists:seq(1, Count)].

child_bytes(Count) ->
    Supervisor = supervisor(1),
    [erlang:garbage_collect(Pid) || Pid <- processes()],
    Before = erlang:memory(total),
    [{ok, _} = supervisor:start_child(Supervisor, []) || _ <- lists:seq(1, Count)],
    [erlang:garbage_collect(Pid) || Pid <- [Supervisor, self()]],
    (erlang:memory(total) - Before) / Count.

%% From a kill to the new process's init: the median.
restart(Count) ->
    Supervisor = supervisor(Count),
    {ok, First} = supervisor:start_child(Supervisor, [self()]),
    receive {up, First, _} -> ok end,
    {_, Latencies} = lists:foldl(fun(_, {Pid, Sofar}) ->
        Before = erlang:monotonic_time(nanosecond),
        exit(Pid, kill),
        receive {up, Next, At} -> {Next, [(At - Before) / 1000 | Sofar]} end
    end, {First, []}, lists:seq(1, Count)),
    lists:nth(Count div 2, lists:sort(Latencies)).

supervisor(Intensity) -> {ok, Pid} = supervisor:start_link(?MODULE, {supervisor, Intensity}), Pid.

start_worker(Boss) -> gen_server:start_link(?MODULE, {up, Boss}, []).

init({supervisor, 1}) -> {ok, {flags(1), [child(temporary, {gen_server, start_link, [?MODULE, worker, []]})]}};
init({supervisor, Intensity}) -> {ok, {flags(Intensity), [child(permanent, {?MODULE, start_worker, []})]}};
init({up, Boss}) -> Boss ! {up, self(), erlang:monotonic_time(nanosecond)}, {ok, none};
init(worker) -> {ok, none}.

flags(Intensity) -> #{strategy => simple_one_for_one, intensity => Intensity, period => 3600}.
child(Restart, Start) -> #{id => child, start => Start, restart => Restart, shutdown => brutal_kill}.

handle_call(_, _, State) -> {reply, State, State}.
handle_cast(_, State) -> {noreply, State}.
handle_info(_, State) -> {noreply, State}.
