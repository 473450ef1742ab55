%% Carries out the scripts of script.py on OTP's supervisors: a script a line in, its transcript as JSON a line out.
%%
%% One public table holds what a script knows: {pid, Id}, the process that last started under an id; {tag, Pid}, its
%% name in transcripts ("a#2" is the second start of a); {plan, Id}; {starts, Id}; {simple, Pid}; {event, N}; {asked, N}.
%% Workers are gen_servers of this module, too; their init has a tuple of its own.
-module(oracle).
-export([main/0, log/2, start/2, start_tree/2, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

main() ->
    process_flag(trap_exit, true),
    ok = logger:remove_handler(default),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => error}),
    ets:new(?MODULE, [named_table, public, ordered_set]),
    io:put_chars(["OTP ", erlang:system_info(otp_release), $\n]),
    serve(io:get_line("")).

serve(eof) -> halt();
serve(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Script} = erl_parse:parse_term(Tokens),
    ets:delete_all_objects(?MODULE),
    forget_exits(),
    ets:insert(?MODULE, {{tag, self()}, driver}),
    io:put_chars([json([perform(Step) || Step <- Script]), $\n]),
    serve(io:get_line("")).

forget_exits() -> receive {'EXIT', _, _} -> forget_exits() after 0 -> ok end.

json(Items) when is_list(Items) -> [$[, lists:join($,, [json(Item) || Item <- Items]), $]];
json(Number) when is_integer(Number) -> integer_to_list(Number);
json(Atom) when Atom =:= true; Atom =:= false -> atom_to_list(Atom);
json(Atom) -> [$", atom_to_list(Atom), $"].

%% Steps

perform(Step) ->
    Answer = step(Step),
    Meanwhile = settled([]),
    Events = ets:select(?MODULE, [{{{event, '_'}, '$1'}, [], ['$1']}]),
    ets:match_delete(?MODULE, {{event, '_'}, '_'}),
    [Answer, Meanwhile, Events, seen(top)].

step(#{verb := plan, child := Id, starts := Starts}) -> ets:insert(?MODULE, {{plan, Id}, Starts}), ok;
step(#{verb := start_link, tree := Tree}) ->
    case alive(top) of
        true -> skipped;
        false ->
            ets:delete(?MODULE, ended),
            Started = start_tree(Tree, top),
            (is_tuple(Started) andalso element(1, Started) =:= ok) orelse ets:delete(?MODULE, {pid, top}),
            started(Started)
    end;
step(#{verb := 'end', child := Id, reason := Reason}) -> ended(pid(Id), reason(Reason));
step(#{verb := exit, child := Id, reason := Reason}) -> signalled(pid(Id), reason(Reason));
step(#{sup := Id} = Request) ->
    Sup = pid(Id),
    case known({sup, Sup}, false) of
        true -> request(Sup, Request);
        false -> nobody
    end.

request(Sup, Request) ->
    try answer(Request, Sup, known({simple, Sup}, false))
    catch exit:{Reason, {gen_server, call, _}} -> [exit, why(Reason)]
    end.

answer(#{verb := start_child, spec := #{id := Id}}, Sup, true) -> started(supervisor:start_child(Sup, [Id]));
answer(#{verb := start_child, spec := Spec}, Sup, false) -> started(supervisor:start_child(Sup, childspec(Spec)));
answer(#{verb := which_children}, Sup, _) -> which(Sup);
answer(#{verb := count_children}, Sup, Simple) ->
    [Count || {Kind, Count} <- supervisor:count_children(Sup), not (Simple andalso Kind =:= active)];
answer(#{verb := Verb, child := Id}, Sup, Simple) ->
    Child = case Simple andalso pid(Id) of Pid when is_pid(Pid) -> Pid; _ -> Id end,
    case supervisor:Verb(Sup, Child) of
        {ok, #{restart := Restart, significant := Significant, type := Type, shutdown := Shutdown}} ->
            [Restart, Significant, Type, Shutdown];
        Answer -> started(Answer)
    end.

started({ok, Pid}) -> [ok, tag(Pid)];
started({ok, Pid, Info}) -> [ok, tag(Pid), Info];
started({error, {already_started, Pid}}) -> [error, already_started, tag(Pid)];
started({error, {{already_started, _} = Reason, _Child}}) -> started({error, Reason});  %% before OTP 27
started(ignore) -> [error, ignore];
started({error, {Fault, _}}) when Fault =:= bad_combination; Fault =:= duplicate_child_name -> [error, Fault];
started({error, {Reason, Child}}) when element(1, Child) =:= child -> [error, why(Reason)];
started({error, Reason}) -> [error, why(Reason)];
started(ok) -> ok.

ended(nobody, _) -> nobody;
ended(Pid, Reason) ->
    Ref = monitor(process, Pid),
    case known({sup, Pid}, false) of
        true -> catch gen_server:stop(Pid, Reason, infinity);
        false -> Pid ! {stop, Reason}
    end,
    receive {'DOWN', Ref, process, Pid, _} -> ok end.

signalled(nobody, _) -> nobody;
signalled(Pid, Reason) -> exit(Pid, Reason), ok.

%% What is to be seen

settled(Answers) ->
    case lists:sort(listed(top)) =:= lists:sort(living()) of
        false -> erlang:yield(), settled(Answers);
        true ->
            case collected() of
                [] -> Answers;
                More -> settled(Answers ++ More)
            end
    end.

living() -> [Pid || [Pid] <- ets:match(?MODULE, {{tag, '$1'}, '_'}), Pid =/= self(), is_process_alive(Pid)].

listed(Id) when is_atom(Id) -> case alive(Id) of true -> listed(pid(Id)); false -> [] end;
listed(Sup) ->
    try supervisor:which_children(Sup) of
        Children -> [Sup | lists:append([listed_child(Pid) || {_, Pid, _, _} <- Children, Pid =/= undefined])]
    catch exit:_ -> [ended]
    end.

listed_child(Pid) -> case known({sup, Pid}, false) of true -> listed(Pid); false -> [Pid] end.

collected() ->
    Asked = ets:select(?MODULE, [{{{asked, '_'}, '$1'}, [], ['$1']}]),
    ets:match_delete(?MODULE, {{asked, '_'}, '_'}),
    [receive {Ref, Answer} -> Answer end || Ref <- Asked].

seen(Id) ->
    case {pid(Id), alive(Id)} of
        {nobody, _} -> nobody;
        {Pid, true} -> [step(#{verb => count_children, sup => Id}), which(Pid) | below(Pid)];
        {Pid, false} -> [dead, exit_reason(Pid, known(ended, nobody))]
    end.

exit_reason(Pid, nobody) -> receive {'EXIT', Pid, Reason} -> ets:insert(?MODULE, {ended, why(Reason)}), why(Reason) end;
exit_reason(_, Reason) -> Reason.

below(Sup) -> [[Id | seen_below(Pid)] || {Id, Pid, _, _} <- supervisor:which_children(Sup), known({sup, Pid}, false)].

seen_below(Pid) -> [which(Pid) | below(Pid)].

which(Sup) ->
    Children = [[Id, tag(Pid), Type] || {Id, Pid, Type, _} <- supervisor:which_children(Sup)],
    case known({simple, Sup}, false) of true -> lists:sort(Children); false -> Children end.

log(#{msg := {report, #{label := {supervisor, Context}, report := Report}}}, _) when Context =/= progress ->
    {Sup, _} = proplists:get_value(supervisor, Report),
    event([report, Context, tag(Sup), proplists:get_value(id, proplists:get_value(offender, Report))]);
log(_, _) -> ok.

%% Children

childspec(#{id := Id, tree := undefined} = Spec) -> policy(Spec, {?MODULE, start, [Spec, Id]});
childspec(#{id := Id, tree := Tree} = Spec) -> policy(Spec, {?MODULE, start_tree, [Tree, Id]}).

policy(Spec, Start) -> (maps:with([id, restart, significant, type, shutdown], Spec))#{start => Start}.

start_tree(Tree, Id) -> supervisor:start_link(?MODULE, {tree, Tree, Id}).

start(#{by := server} = Spec, Id) -> gen_server:start_link(?MODULE, {server, Spec, Id, self()}, []);
start(#{by := task}, Id) ->
    case begun(Id, nobody) of
        {Tag, ok} -> {ok, spawned(fun() -> enter(Id, Tag) end, fun task/0)};
        _ -> error(crash)
    end;
start(#{by := function} = Spec, Id) ->
    case begun(Id, self()) of
        {Tag, ok} -> gen_server:start_link(?MODULE, {worker, Spec, Id, Tag}, []);
        {Tag, info} -> {ok, Pid} = gen_server:start_link(?MODULE, {worker, Spec, Id, Tag}, []), {ok, Pid, info};
        {_, ignore} -> ignore;
        {_, error} -> {error, error};
        {_, garbage} -> garbage;
        {_, crash} -> error(crash);
        {_, taken} -> {error, {already_started, driver()}}
    end.

spawned(Enter, Live) ->
    Starter = self(),
    Pid = spawn_link(fun() -> Enter(), Starter ! entered, Live() end),
    receive entered -> Pid end.

task() -> receive {stop, Reason} -> exit(Reason) end.

init({tree, #{children := Children} = Tree, Id}) ->
    {Tag, Come} = begun(Id, nobody),
    enter(Id, Tag),
    ets:insert(?MODULE, [{{sup, self()}, true}, {{simple, self()}, maps:get(strategy, Tree) =:= simple_one_for_one}]),
    case Come of
        ok -> {ok, {(maps:with([strategy, intensity, auto_shutdown], Tree))#{period => 3600}, specs(Tree, Children)}};
        ignore -> ignore;
        _ -> error(crash)
    end;
init({server, Spec, Id, Sup}) ->
    case begun(Id, Sup) of
        {Tag, ok} -> init({worker, Spec, Id, Tag});
        {_, ignore} -> ignore;
        {_, crash} -> error(crash);
        {_, Come} -> {stop, Come}
    end;
init({worker, #{runs := Runs}, Id, Tag}) ->
    process_flag(trap_exit, Runs =/= plain),
    enter(Id, Tag),
    {ok, Runs}.

specs(#{strategy := simple_one_for_one}, [Spec]) -> [policy(Spec, {?MODULE, start, [Spec]})];
specs(_, Specs) -> [childspec(Spec) || Spec <- Specs].

handle_call(_, _, Runs) -> {reply, ok, Runs}.
handle_cast(_, Runs) -> {noreply, Runs}.
handle_info({stop, Reason}, _) -> {stop, Reason, willing};
handle_info(_, Runs) -> {noreply, Runs}.

terminate(shutdown, stubborn) -> receive never -> ok end;
terminate(Reason, Runs) ->
    event([terminate, tag(self()), why(Reason)]),
    Runs =:= odd andalso exit(odd).

%% A start: its number, what befalls the supervisor meanwhile, what it comes to

begun(Id, Sup) ->
    Number = ets:update_counter(?MODULE, {starts, Id}, 1, {{starts, Id}, 0}),
    #{come := Come, meanwhile := Meanwhile} = planned(Id, known({plan, Id}, [])),
    Tag = list_to_atom(lists:concat([Id, "#", Number])),
    event([start, Tag, Come]),
    [befall(Sup, Step) || Step <- Meanwhile],
    {Tag, Come}.

planned(_, []) -> #{come => ok, meanwhile => []};
planned(Id, [Outcome | Rest]) -> ets:insert(?MODULE, {{plan, Id}, Rest}), Outcome.

%% Done when it waits in the supervisor's mailbox. Nothing befalls while a task or a supervisor starts.
befall(nobody, _) -> ok;
befall(Sup, #{verb := 'end', child := Id, reason := Reason}) ->
    Pid = pid(Id),
    {links, Links} = process_info(Sup, links),
    case is_pid(Pid) andalso is_process_alive(Pid) andalso lists:member(Pid, Links) of
        true -> queued(Sup, fun() -> ended(Pid, reason(Reason)) end);
        false -> ok
    end;
befall(Sup, Request) ->
    Driver = driver(),
    Ref = make_ref(),
    ets:insert(?MODULE, {{asked, unique()}, Ref}),
    queued(Sup, fun() -> spawn(fun() -> Driver ! {Ref, request(Sup, Request)} end) end).

queued(Sup, Act) ->
    {message_queue_len, Before} = process_info(Sup, message_queue_len),
    Act(),
    grown(Sup, Before).

grown(Sup, Before) ->
    case process_info(Sup, message_queue_len) of
        {message_queue_len, Before} -> erlang:yield(), grown(Sup, Before);
        _ -> ok
    end.

enter(Id, Tag) -> ets:insert(?MODULE, [{{pid, Id}, self()}, {{tag, self()}, Tag}]).

%% The table

event(Event) -> ets:insert(?MODULE, {{event, unique()}, Event}).
unique() -> erlang:unique_integer([monotonic]).
known(Key, Default) -> case ets:lookup(?MODULE, Key) of [{_, Value}] -> Value; [] -> Default end.
pid(Id) -> known({pid, Id}, nobody).
alive(Id) -> is_pid(pid(Id)) andalso is_process_alive(pid(Id)).
tag(Pid) when is_pid(Pid) -> known({tag, Pid}, foreign);
tag(Place) -> Place.
driver() -> hd([Pid || [Pid] <- ets:match(?MODULE, {{tag, '$1'}, driver})]).

reason(shutdown_why) -> {shutdown, why};
reason(Reason) -> Reason.

why({shutdown, {failed_to_start_child, Id, Reason}}) -> [failed_to_start_child, Id, why(Reason)];
why({shutdown, why}) -> shutdown_why;
why({start_spec, {Fault, _}}) -> [start_spec, Fault];
why({already_started, Pid}) -> [already_started, tag(Pid)];
why({'EXIT', _}) -> crash;
why({crash, [_ | _]}) -> crash;
why(Reason) when is_atom(Reason) -> Reason;
why(Reason) -> io:format(standard_error, "a reason that no script gives: ~p~n", [Reason]), unknown.
